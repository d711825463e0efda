"""What an address says of requests, without a page."""

from urllib.parse import parse_qsl

import pytest

from venom_otel.cockpit.history.filters import RANGES, Filters, ranges
from venom_otel.services import moments
from venom_otel.services.figures import DAY, HOUR, MINUTE
from venom_otel.services.tables import Format
from venom_otel.store.protocol import RequestFilter, RequestStatus, Search

NOW = 1_790_000_000_000_000_000

ADDRESSES = [
    "/history",
    "/history?status=failed",
    "/history?provider=ollama&model=llama3.2:1b&endpoint=http://localhost:11434/v1",
    "/history?service=chat-api&error_kind=auth&since=15m&text=a+b%26c",
    "/history?fallback=true",
    "/history?since=2026-09-21T14:13:20Z&until=2026-09-21T14:14:19.999999Z",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_there_and_back(address):
    assert Filters.from_address(address).address() == address
    assert bool(Filters.from_address(address)) is (address != "/history")


@pytest.mark.parametrize(
    "address",
    [
        "/history?status=broken",
        "/history?since=lately",
        "/history?until=lately",
        "/history?fallback=perhaps",
        "/history?colour=red",
        "/history?provider=",
        "/trace/x?span=y",
        "/history?&&==",
        "",
    ],
)
def test_what_cannot_be_used_counts_as_not_said(address):
    assert Filters.from_address(address) == Filters()


def test_as_the_services_take_it():
    filters = Filters.from_address("/history?status=FAILED&provider=vllm&since=15m&until=5m")
    assert filters.which(NOW, before=7) == RequestFilter(
        provider="vllm", status=RequestStatus.FAILED, since_ns=NOW - 15 * MINUTE, until_ns=NOW - 5 * MINUTE, before=7
    )
    assert Filters().which(NOW) == RequestFilter()
    assert [Filters(fallback=words).which(NOW).fallback for words in ("true", "false", "")] == [True, False, None]


def test_where_they_are_a_file():
    filters = Filters.from_address("/history?status=failed&model=a/b&fallback=true&since=15m&text=out+of+a.b=c+memory+d.e=f=g")
    place, _, query = filters.export_address(Format.JSONL).partition("?")
    assert place == "/api/v1/history/requests/export"
    assert parse_qsl(query) == [
        ("format", "jsonl"), ("status", "FAILED"), ("model", "a/b"), ("fallback", "true"), ("since", "15m"), ("text", "out of memory"),
        ("attribute", "a.b=c"), ("attribute", "d.e=f=g"),
    ]  # fmt: skip
    assert Filters().export_address(Format.CSV) == "/api/v1/history/requests/export?format=csv"


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("", None),
        ("out of memory", Search("out of memory")),
        ("gen_ai.request.seed=7", Search("", {"gen_ai.request.seed": "7"})),
        ("quota  llm.provider=vllm exceeded service.name=a", Search("quota exceeded", {"llm.provider": "vllm", "service.name": "a"})),
        ("seed=7", Search("seed=7")),  # without a dot it may be anything
        ("(a.b=c", Search("(a.b=c")),
        ("url.full=http://a/?b=c", Search("", {"url.full": "http://a/?b=c"})),
    ],
)
def test_words_and_attributes_of_a_search(text, search):
    assert Filters(text=text).search() == search


@pytest.mark.parametrize(
    ("address", "oldest", "newest", "length"),
    [
        ("/history", None, None, HOUR),
        ("/history", 14 * MINUTE, MINUTE, 15 * MINUTE),
        ("/history", 16 * MINUTE, MINUTE, HOUR),
        ("/history", 300 * DAY, 59 * MINUTE, HOUR),
        ("/history", 300 * DAY, 61 * MINUTE, 6 * HOUR),
        ("/history", 300 * DAY, 3 * DAY, 7 * DAY),
        ("/history", 300 * DAY, 299 * DAY, 30 * DAY),
        ("/history?since=15m", 3 * DAY, 3 * DAY, 15 * MINUTE),
        ("/history?since=30d", None, None, 30 * DAY),
        ("/history?until=1d", None, None, HOUR),
    ],
)
def test_what_the_charts_show(address, oldest, newest, length):
    began = [None if age is None else NOW - age for age in (oldest, newest)]
    window = Filters.from_address(address).window(NOW, *began)
    assert length - window.step_ns <= window.length_ns <= length
    assert window.until_ns == (NOW - DAY if "until" in address else NOW)


def test_a_range_of_ones_own():
    assert not Filters().chosen_range(RANGES)
    assert not any(Filters(since=name).chosen_range(RANGES) for name in RANGES)
    assert Filters(since="20m").chosen_range(RANGES)
    assert Filters(since="15m", until="5m").chosen_range(RANGES)
    assert Filters(since="90d").chosen_range(RANGES)
    assert not Filters(since="90d").chosen_range(ranges(90 * DAY))


@pytest.mark.parametrize(("past", "more"), [(0, []), (30 * DAY, []), (30.9 * DAY, []), (45.5 * DAY, ["45d"]), (3650 * DAY, ["3650d"])])
def test_the_ranges_on_offer_reach_as_far_as_others_are_asked(past, more):
    assert list(ranges(round(past))) == [*RANGES, *more]
    assert all(moments.span_ns(name) == length for name, length in ranges(round(past)).items())


@pytest.mark.parametrize(
    ("oldest", "newest", "length"),
    [(None, None, HOUR), (MINUTE, MINUTE, HOUR), (MINUTE, 3 * DAY, 7 * DAY), (None, 40 * DAY, 90 * DAY), (None, 300 * DAY, 90 * DAY)],
)
def test_the_charts_show_more_than_what_is_here(oldest, newest, length):
    """Where others are asked for what is older, it is not all new that has arrived here."""
    began = [None if age is None else NOW - age for age in (oldest, newest)]
    window = Filters().window(NOW, *began, past_ns=90 * DAY)
    assert length - window.step_ns <= window.length_ns <= length
