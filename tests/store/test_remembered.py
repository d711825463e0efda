"""What was read of roll-ups is kept until it changes: answers are those of the file, and only what changed is read again."""

import asyncio
import random
import re
import sqlite3
import time
from contextlib import closing

import pytest
from support.otlp import SECOND, chat, traces
from support.patience import WAIT_S

from venom_otel.store.embedded import EmbeddedStore, aggregates, remembered, removal
from venom_otel.store.embedded.aggregates import Aggregates
from venom_otel.store.embedded.remembered import Changes, Period, Remembered, Span
from venom_otel.store.embedded.schema import open_reader
from venom_otel.store.embedded.upkeep import Retention
from venom_otel.store.protocol import Dimension, RequestFilter, RequestStatus, Signal

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_790_000_000 * SECOND // DAY * DAY
QUESTIONS = [
    (RequestFilter(), [Dimension.MODEL], None),
    (RequestFilter(since_ns=START + 5 * HOUR, until_ns=START + 29 * HOUR), [Dimension.MODEL, Dimension.STATUS], None),
    (RequestFilter(since_ns=START + HOUR + 7 * MINUTE, until_ns=START + 3 * HOUR, model="b"), [], 15 * MINUTE),
    (RequestFilter(since_ns=START + 20 * HOUR, until_ns=START + 22 * HOUR), [Dimension.STATUS], MINUTE),
    (RequestFilter(status=RequestStatus.FAILED), [Dimension.PROVIDER, Dimension.ERROR_KIND], HOUR),
    (RequestFilter(since_ns=START), list(Dimension), 6 * HOUR),
]


def in_order(found):
    return sorted(found, key=lambda one: (one.start_ns, str(one.group)))


def plainly(path, question):
    """The answer of the file, with nothing remembered."""
    with closing(open_reader(path)) as connection:
        return in_order(Aggregates(Changes()).ask(connection, *question))


async def asked(store, question):
    which, by, step_ns = question
    return in_order(await store.aggregates(which, by=by, step_ns=step_ns))


def a_request(dice, latest_ns):
    """Most of what comes is of the last minutes, some is late, now and then something is of a later day."""
    ago_ns = dice.choice([dice.randrange(3 * MINUTE)] * 6 + [dice.randrange(3 * HOUR), dice.randrange(2 * DAY)])
    start_ns = max(latest_ns - ago_ns, START - DAY)
    outcome = dice.choice(["ok"] * 5 + ["error", "cancelled"])
    more = {"llm.outcome": outcome, "gen_ai.usage.input_tokens": dice.randrange(50)}
    if outcome == "error":
        more["llm.error.kind"] = dice.choice(["auth", "timeout"])
    if dice.random() < 0.4:
        more |= {"gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": dice.random()}
    return chat(dice.choice(["ollama", "vllm"]), dice.choice("abc"), more=more, start_ns=start_ns, duration_ns=dice.randrange(1, 10**10))


@pytest.mark.parametrize("seed", range(4))
async def test_every_answer_is_that_of_the_file_whatever_happens(path, monkeypatch, seed):
    monkeypatch.setattr(removal, "STEP_ITEMS", 40)
    monkeypatch.setattr(remembered, "_MAX_NOTED", 60)
    monkeypatch.setattr(aggregates, "REMEMBERED_BYTES", 200_000)
    dice = random.Random(seed)
    latest_ns, arrivals = START, [0]
    store = EmbeddedStore(path, min_free_bytes=0)
    try:
        for _ in range(150):
            match dice.choice(["write"] * 14 + ["refuse", "delete", "open again"]):
                case "write":
                    latest_ns += dice.choice([0, 1, 20, 90]) * MINUTE
                    sent = [a_request(dice, latest_ns) for _ in range(dice.randrange(1, 40))]
                    store.write(Signal.TRACES, traces(*sent, service=dice.choice(["app", "batch"]))).result(WAIT_S)
                    arrivals.append(time.time_ns())
                case "refuse":  # what was noted is not written after all
                    with closing(sqlite3.connect(path, isolation_level=None)) as other:
                        other.execute("CREATE TRIGGER refuse BEFORE UPDATE ON counters BEGIN SELECT raise(ABORT, 'no'); END")
                        other.execute("CREATE TRIGGER refused BEFORE INSERT ON counters BEGIN SELECT raise(ABORT, 'no'); END")
                        refused = store.write(Signal.TRACES, traces(a_request(dice, latest_ns))).exception(30)
                        other.executescript("DROP TRIGGER refuse; DROP TRIGGER refused")
                    assert refused is not None
                case "delete":
                    await store.purge(dice.choice(arrivals))
                case "open again":
                    store.close()
                    store = EmbeddedStore(path, min_free_bytes=0)
            for question in dice.sample(QUESTIONS, 3):
                assert await asked(store, question) == plainly(path, question)
        for question in QUESTIONS:
            assert await asked(store, question) == plainly(path, question)
    finally:
        store.close()


@pytest.mark.parametrize("size_bytes", [0, 250_000], ids=["all is kept", "old ones are deleted meanwhile"])
async def test_an_answer_is_of_one_moment_while_others_write(path, monkeypatch, size_bytes):
    """Each write adds a request of model a and one of model b, in minutes of their own: no answer has one without the other."""
    monkeypatch.setattr(removal, "STEP_ITEMS", 40)
    dice = random.Random(6)
    sent = acknowledged = answers = 0

    async def write(store):
        nonlocal sent, acknowledged
        while acknowledged < 400 or answers <= 100:
            sent += 1
            pair = [chat(model=model, start_ns=START + dice.randrange(5 * HOUR), more={"filler": "x" * 900}) for model in "ab"]
            await asyncio.wrap_future(store.write(Signal.TRACES, traces(*pair)))
            acknowledged += 1

    async def ask(store, which, step_ns):
        nonlocal answers
        while not writing.done():
            before = acknowledged
            found = await store.aggregates(which, by=[Dimension.MODEL], step_ns=step_ns)
            counted = {model: sum(one.requests for one in found if one.group[Dimension.MODEL] == model) for model in "ab"}
            assert counted["a"] == counted["b"]
            assert counted["a"] <= sent
            if not size_bytes:
                assert counted["a"] >= before
            answers += 1

    whole = RequestFilter(since_ns=START - MINUTE, until_ns=START + 5 * HOUR)
    with EmbeddedStore(path, min_free_bytes=0, retention=Retention(size_bytes=size_bytes)) as store:
        writing = asyncio.create_task(write(store))
        async with asyncio.timeout(WAIT_S):
            await asyncio.gather(writing, *(ask(store, whole, step_ns) for step_ns in (None, MINUTE, 15 * MINUTE)))
        assert in_order(await store.aggregates(RequestFilter(), by=[Dimension.MODEL])) == plainly(
            path, (RequestFilter(), [Dimension.MODEL], None)
        )
        if size_bytes:
            assert (await store.usage()).requests < 2 * sent


class Reads:
    """Asks a store's file with a memory of its own, and says which roll-ups were read."""

    def __init__(self, store, connection):
        self._answers = Aggregates(store._writer.changes)
        self._connection = connection

    def __call__(self, which, by=(), step_ns=None):
        found = []

        def note(text):
            if "FROM rollups" in text and "durations" in text:
                found.append(tuple(int(number) for number in re.findall(r"(?:width = |start >= |start < )(\d+)", text)))

        self._connection.set_trace_callback(note)
        self._answers.ask(self._connection, which, by, step_ns)
        self._connection.set_trace_callback(None)
        return [(width, first - START // MINUTE, end - first) for width, first, end in found]


@pytest.mark.parametrize(("by", "step_ns"), [((Dimension.MODEL,), None), ((Dimension.STATUS,), MINUTE)], ids=["one sum", "steps"])
def test_only_what_changed_is_read_again(store, path, by, step_ns):
    def write(*minutes):
        store.write(Signal.TRACES, traces(*(chat(start_ns=START + minute * MINUTE) for minute in minutes))).result(WAIT_S)

    write(*range(12))
    which = RequestFilter(since_ns=START, until_ns=START + 14 * MINUTE)
    with closing(open_reader(path)) as connection:
        reads = Reads(store, connection)
        assert reads(which, by, step_ns) == [(1, 0, 12)]
        assert reads(which, by, step_ns) == []
        write(3, 11, 12)
        assert reads(which, by, step_ns) == [(1, 3, 1), (1, 11, 2)]
        assert reads(which, by, step_ns) == []
        assert reads(RequestFilter(since_ns=START, until_ns=START + 14 * MINUTE, model="x"), by, step_ns) == [(1, 0, 13)]


async def test_what_is_summed_up_again_after_it_was_deleted_counts(store, path):
    hours = [RequestFilter(since_ns=START, until_ns=START + DAY - MINUTE), [], HOUR]
    arrivals = []
    for hour in (1, 2, 5):
        store.write(Signal.TRACES, traces(chat(start_ns=START + hour * HOUR))).result(WAIT_S)
        arrivals.append(time.time_ns())
    for arrived_ns in arrivals[:2]:
        await store.purge(arrived_ns)
        await asked(store, hours)  # once with a later hour that is summed up, once without
    store._writer._rollups.forget()  # as after a transaction that failed
    store.write(Signal.TRACES, traces(chat(start_ns=START + HOUR))).result(WAIT_S)
    assert [(one.start_ns, one.requests) for one in await asked(store, hours)] == [(START + HOUR, 1), (START + 5 * HOUR, 1)]
    assert await asked(store, hours) == plainly(path, hours)


def test_a_change_that_may_not_be_visible_yet_is_read_and_not_kept():
    changes = Changes()
    kept = Remembered(changes, len, 10_000)
    span = Span(15, 0, 45)
    file = {0: "old", 30: "old"}
    read = []

    def ask():
        def of_file(asked_for):
            read.append(asked_for)
            return {start: file[start] for start in asked_for.starts if start in file}

        return kept.read("question", changes.visible, span, of_file)

    assert ask() == {0: "old", 30: "old"}
    changes.note([Period(15, 30), Period(15, 15)])
    assert ask() == {0: "old", 30: "old"}
    file |= {15: "new", 30: "new"}
    assert ask() == {0: "old", 15: "new", 30: "new"}
    changes.settle()
    assert ask() == {0: "old", 15: "new", 30: "new"}
    assert read == [span, *[Span(15, 15, 45)] * 3]
    assert ask() == {0: "old", 15: "new", 30: "new"}
    assert len(read) == 4


def test_a_reader_of_an_older_moment_does_not_get_what_came_later():
    changes = Changes()
    kept = Remembered(changes, len, 10_000)
    before = changes.visible
    changes.note([Period(1, 0)])
    changes.settle()
    span = Span(1, 0, 1)
    assert kept.read("question", changes.visible, span, lambda _: {0: "later"}) == {0: "later"}
    assert kept.read("question", before, span, lambda _: {0: "earlier"}) == {0: "earlier"}
    assert kept.read("question", changes.visible, span, lambda _: {}) == {0: "later"}


def test_no_more_is_kept_than_is_allowed_and_what_was_asked_last_stays():
    kept = Remembered(Changes(), len, 10_000)
    read = []

    def of_file(span):
        read.append(span)
        return dict.fromkeys(span.starts, "x" * 700)

    for start in range(100):
        kept.read("question", 0, Span(1, start, start + 1), of_file)
        kept.read("question", 0, Span(1, 0, 1), of_file)
        assert kept.size_bytes <= 10_000
    assert read == [Span(1, start, start + 1) for start in range(100)]
    kept.read("question", 0, Span(1, 98, 100), of_file)
    assert len(read) == 100
    kept.read("question", 0, Span(1, 50, 52), of_file)
    assert len(read) == 101


def test_so_many_changes_that_they_are_not_noted_one_by_one_count_for_all(monkeypatch):
    monkeypatch.setattr(remembered, "_MAX_NOTED", 10)
    changes = Changes()
    for start in range(100):
        before = [changes.of(Period(1, other)) for other in range(200)]
        changes.note([Period(1, start)])
        changes.settle()
        assert changes.of(Period(1, start)) == changes.visible
        assert all(changes.of(Period(1, other)) >= number for other, number in enumerate(before))
    assert changes.of(Period(1, 150)) > 0
