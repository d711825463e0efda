"""Search: what stands anywhere in a span, in every writing, page by page and a bounded part at once."""

import random

import pytest
from support.otlp import SECOND, chat, span, traces
from support.patience import WAIT_S

from venom_otel.store.embedded import search as module
from venom_otel.store.embedded.matching import Text
from venom_otel.store.protocol import RequestFilter, RequestStatus, Search, Signal

START = 1_790_000_000 * SECOND


async def found_ids(store, query, which=None, limit=100):
    found = await store.search(which or RequestFilter(), query, limit)
    return [item.span_id for item in found.items]


SAID = {
    "text": "The quick Brown fox", "count": 40404, "negative": -7, "ratio": 0.625, "whole": 3.0, "yes": True, "no": False, "empty": "",
    "list": ["alpha", 77, [True, {"deep": "Needle"}]], "map": {"inner-key": {"b": [None, 2.5]}}, "bytes": b"raw bytes",
    "german": "Größe ÄÖÜ", "greek": "ΟΔΟΣ οδός", "cyrillic": "Привет МИР", "turkish": "İstanbul ıĞ", "kelvin": "300 \u212a",
    "cjk": "你好世界", "long": "x" * 100_000 + " at the End " + "y" * 100_000,
}  # fmt: skip


@pytest.fixture
def target(store):
    """The identifier of a request that says much, between others that say little."""
    events = {"exception": {"exception.message": "Connection REFUSED by peer", "tries": 5, "fatal": True}}
    one = chat(more=SAID, status=2, message="The Status Words", events=events)
    one.name = "Chat With Name"
    store.write(Signal.TRACES, traces(*(chat("vllm", "m") for _ in range(20)))).result(WAIT_S)
    store.write(Signal.TRACES, traces(chat("vllm", "m"), one, span({"text": "the quick brown fox"}), service="Target-Service")).result(
        WAIT_S
    )
    return one.span_id.hex()


THERE = [
    "quick brown", "QUICK", "fox", "40404", "040", "-7", "0.625", ".62", "3.0", "true", "TRU", "false", "alpha", "77", "needle", "deep",
    "inner-key", "2.5", "größe", "GRÖ", "äöü", "ΟΔΌΣ", "οδοσ", "οδος", "привет мир", "МИР", "ğ", "300 k", "300 K", "300 \u212a", "好世",
    "at the end", "X AT", "status words", "chat with", "refused", "exception", "tries", "fatal", "german", "ollama:1/v1",
]  # fmt: skip
NOT_THERE = [
    "quickbrown", "404040", "0.6251", "-8", "raw bytes", "exception.massage", "neeedle", "größer", "мирр", "你世", "chat  with",
    "istanbul!", ".........",
]  # fmt: skip


@pytest.mark.parametrize("text", THERE)
async def test_text_is_found_wherever_it_stands_in_any_case(store, target, text):
    assert await found_ids(store, Search(text)) == [target]


@pytest.mark.parametrize("text", NOT_THERE)
async def test_what_stands_nowhere_is_not_found(store, target, text):
    assert await store.search(RequestFilter(), Search(text), 100) == module.Found([], None)


async def test_the_resource_is_searched_and_spans_that_are_no_requests_are_not_found(store, target):
    assert len(await found_ids(store, Search("target-SERVICE"))) == 2
    assert len(await found_ids(store, Search("service.name"))) == 22
    assert await found_ids(store, Search("brown")) == [target]


@pytest.mark.parametrize(
    "attributes",
    [
        {"text": "The quick Brown fox"}, {"count": "40404"}, {"negative": "-7"}, {"ratio": "0.625"}, {"whole": "3.0"}, {"yes": "true"},
        {"no": "false"}, {"empty": ""}, {"list": '["alpha", 77, [true, {"deep": "Needle"}]]'}, {"bytes": "cmF3IGJ5dGVz"},
        {"count": "40404", "yes": "true"}, {"service.name": "Target-Service", "no": "false"},
    ],
)  # fmt: skip
async def test_attributes_are_found_by_name_and_value(store, target, attributes):
    assert await found_ids(store, Search(attributes=attributes)) == [target]


@pytest.mark.parametrize(
    "attributes",
    [{"text": "the quick brown fox"}, {"text": "The quick"}, {"count": "404"}, {"Count": "40404"}, {"yes": "false"}, {"nothing": ""},
     {"count": "40404", "yes": "false"}, {"tries": "5"}],
)  # fmt: skip
async def test_attributes_with_another_value_are_not_found(store, target, attributes):
    assert await found_ids(store, Search(attributes=attributes)) == []


async def test_both_parts_and_the_filter_must_hold(store, target):
    assert await found_ids(store, Search("fox", {"count": "40404"})) == [target]
    assert await found_ids(store, Search("fox", {"count": "4"})) == []
    assert await found_ids(store, Search("foxes", {"count": "40404"})) == []
    assert await found_ids(store, Search("fox"), RequestFilter(provider="ollama")) == [target]
    assert await found_ids(store, Search("fox"), RequestFilter(provider="vllm")) == []
    assert await found_ids(store, Search("fox"), RequestFilter(status=RequestStatus.CANCELLED)) == []
    assert len(await found_ids(store, Search())) == 22


@pytest.fixture
def many(store):
    """A thousand requests in forty blocks; each says whether its number can be divided by seven."""
    for block in range(40):
        numbers = range(block * 25, block * 25 + 25)
        sent = [
            chat("ollama" if n % 2 else "vllm", more={"note": f"divided {'evenly' if n % 7 == 0 else 'with a rest'}", "n": n},
                 start_ns=START + n * SECOND)
            for n in numbers
        ]  # fmt: skip
        store.write(Signal.TRACES, traces(*sent)).result(WAIT_S)


@pytest.mark.parametrize("which", [{}, {"provider": "vllm"}, {"since_ns": START + 100 * SECOND, "until_ns": START + 700 * SECOND}], ids=str)
@pytest.mark.parametrize("limit", [1, 4, 1_000])
@pytest.mark.parametrize("bounds", [(16_384, 2**25), (60, 2**25), (16_384, 1)], ids=["one call", "few candidates", "few bytes"])
async def test_pages_in_both_directions_give_each_match_once(store, many, monkeypatch, which, limit, bounds):
    monkeypatch.setattr(module, "CANDIDATES", bounds[0])
    monkeypatch.setattr(module, "SCANNED_BYTES", bounds[1])
    every = await store.requests(RequestFilter(**which), 1_000)
    expected = [item for item in every if (item.start_ns - START) // SECOND % 7 == 0]
    assert expected

    async def pages(start, direction):
        cursor, calls = start, 0
        while cursor is not None:
            found = await store.search(RequestFilter(**which, **{direction: cursor}), Search("EVENLY"), limit)
            assert len(found.items) <= limit
            for item in found.items:
                yield item
            moved = found.reached is None or (found.reached < cursor if direction == "before" else found.reached > cursor)
            assert moved, "a call that looks at nothing would go on for ever"
            cursor, calls = found.reached, calls + 1
        assert calls > 1 or bounds == (16_384, 2**25)

    assert [item async for item in pages(10**9, "before")] == expected
    assert [item async for item in pages(0, "after")] == expected[::-1]


async def test_an_empty_store_is_searched_at_once(store):
    assert await store.search(RequestFilter(), Search("x"), 10) == module.Found([], None)


async def test_random_texts_are_found_as_plain_computation_finds_them(store):
    dice = random.Random(3)
    letters = "aAkKsSiIß\u017f\u212aİ\u0131éÉ\u03c3ςΣжЖ01.-你 "
    said = {}
    for _ in range(10):
        sent = []
        for _ in range(30):
            text = "".join(dice.choices(letters, k=dice.randrange(1, 12)))
            sent.append(chat(more={"said": text}))
            said[sent[-1].span_id.hex()] = text
        store.write(Signal.TRACES, traces(*sent)).result(WAIT_S)
    everywhere = "chat llama3.1:8b chat-api service.name ollama http://ollama:1/v1 ok said llm.provider llm.model llm.endpoint llm.outcome"
    for _ in range(300):
        text = "".join(dice.choices(letters, k=dice.randrange(1, 4)))
        in_string = Text(text).in_string
        if not in_string(everywhere):
            expected = {number for number, value in said.items() if in_string(value)}
            assert set(await found_ids(store, Search(text), limit=1_000)) == expected, text
