"""Operations: one at a time for a server, followed by any number, ended in bounded time."""

import asyncio
import contextlib
import sqlite3
from dataclasses import replace

import pytest
from support.patience import WAIT_S

from venom_otel.errors import ActionError, BusyError, ConflictError, StateError, UnsupportedError
from venom_otel.runtimes.protocol import Progress
from venom_otel.services import operations as module
from venom_otel.services.operations import Operations
from venom_otel.state.model import Kind, OperationState, Outcome, Wanted
from venom_otel.state.store import State

START = Wanted(Kind.START, "vllm", "vllm", None, "token")
OTHER = Wanted(Kind.INSTALL, "ollama", "ollama", "gemma3:4b", "page")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.sqlite3"


@pytest.fixture
def state(path):
    with State(path) as state:
        yield state


@pytest.fixture
async def operations(state):
    operations = Operations(state)
    yield operations
    await operations.close()


class Work:
    """Work that goes on when it is told to."""

    def __init__(self):
        self.say = None
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.error = None

    async def __call__(self, say):
        self.say = say
        self.begun.set()
        await self.go.wait()
        if self.error is not None:
            raise self.error


async def begun(operations, wanted=START):
    work = Work()
    operation = operations.begin(wanted, work)
    async with asyncio.timeout(WAIT_S):
        await work.begun.wait()
    return operation, work


async def events(operations, operation, after=0):
    async with asyncio.timeout(WAIT_S):
        return [event async for event in operations.follow(operation.id, after)]


def audited(state):
    return [(each.wanted.kind, each.outcome, each.detail) for each in reversed(state.audit(None, 100).items)]


async def test_from_beginning_to_end(state, operations):
    operation, work = await begun(operations)
    assert operation.state is OperationState.RUNNING
    assert operations.running("vllm") == operations.get(operation.id) == state.operation(operation.id) == operation
    work.say(Progress("starting"))
    work.go.set()
    first, last = await events(operations, operation)
    assert (first.number, first.operation, first.progress) == (1, operation, Progress("starting"))
    assert (last.number, last.finished, last.operation.state) == (2, True, OperationState.SUCCEEDED)
    assert operations.get(operation.id) == state.operation(operation.id) == last.operation
    assert last.operation.finished_ns >= operation.created_ns
    assert operations.running("vllm") is None
    assert audited(state) == [(Kind.START, Outcome.BEGUN, None), (Kind.START, Outcome.SUCCEEDED, None)]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ActionError("it ended with status 1: no GPU"), "it ended with status 1: no GPU"),
        (RuntimeError("secret"), "venom-otel itself failed (RuntimeError); its log says how."),
        (asyncio.CancelledError(), "it was given up."),
    ],
    ids=["words", "a mistake", "given up"],
)
async def test_why_it_failed(state, operations, caplog, error, words):
    operation, work = await begun(operations)
    work.error = error
    work.go.set()
    (last,) = await events(operations, operation)
    assert (last.operation.state, last.operation.error) == (OperationState.FAILED, words)
    assert audited(state)[-1] == (Kind.START, Outcome.FAILED, words)
    assert ("Traceback" in caplog.text) is isinstance(error, RuntimeError)


async def test_given_up(state, operations):
    operation, _ = await begun(operations, OTHER)
    assert operations.cancel(operation.id, "token") == operation
    (last,) = await events(operations, operation)
    assert (last.operation.state, last.operation.error) == (OperationState.CANCELLED, "by token")
    assert state.operation(operation.id) == last.operation
    assert audited(state) == [(Kind.INSTALL, Outcome.BEGUN, None), (Kind.INSTALL, Outcome.CANCELLED, "by token")]
    assert operations.running("ollama") is None
    with pytest.raises(ConflictError, match=r"install of gemma3:4b \(operation \w+\) is over: cancelled"):
        operations.cancel(operation.id, "page")
    assert operations.cancel("nothing", "page") is None


async def test_given_up_before_it_began(operations):
    work = Work()
    operation = operations.begin(OTHER, work)
    operations.cancel(operation.id, "page")
    (last,) = await events(operations, operation)
    assert last.operation.state is OperationState.CANCELLED
    assert not work.begun.is_set()


async def test_what_is_not_left_halfway(operations):
    operation, work = await begun(operations)
    with pytest.raises(UnsupportedError, match="cannot be left halfway: wait for its end"):
        operations.cancel(operation.id, "page")
    work.go.set()
    assert (await events(operations, operation))[-1].operation.state is OperationState.SUCCEEDED


async def test_those_of_this_process(operations):
    first, work = await begun(operations)
    second, other = await begun(operations, OTHER)
    assert operations.of_this_process() == [first, second]
    for each in (work, other):
        each.go.set()
    await events(operations, first)
    await events(operations, second)
    assert [each.state for each in operations.of_this_process()] == [OperationState.SUCCEEDED] * 2


async def test_one_at_a_time_for_each_server(state, operations):
    operation, work = await begun(operations)
    elsewhere, other_work = await begun(operations, OTHER)
    with pytest.raises(BusyError, match=f"vllm is busy: start \\(operation {operation.id}\\) has not finished"):
        operations.begin(START, Work())
    with pytest.raises(BusyError, match="install of gemma3:4b") as busy:
        operations.begin(OTHER, Work())
    assert busy.value.operation_id == elsewhere.id
    assert [outcome for _, outcome, _ in audited(state)] == [Outcome.BEGUN, Outcome.BEGUN, Outcome.REFUSED, Outcome.REFUSED]
    assert [each.id for each in operations.recent(None, 10)] == [elsewhere.id, operation.id]
    work.go.set()
    other_work.go.set()
    await events(operations, operation)
    await events(operations, elsewhere)
    again, _ = await begun(operations)
    assert [each.id for each in operations.recent("vllm", 10)] == [again.id, operation.id]
    assert [each.state for each in operations.recent("vllm", 10)] == [OperationState.RUNNING, OperationState.SUCCEEDED]


async def test_who_comes_back_is_told_what_came_meanwhile(operations):
    operation, work = await begun(operations)
    for words in ("stopping", "starting", "waiting"):
        work.say(Progress(words))
    async with asyncio.timeout(WAIT_S):
        seen = []
        async with contextlib.aclosing(operations.follow(operation.id)) as following:
            async for event in following:
                seen.append(event)
                if len(seen) == 2:
                    break
    work.go.set()
    rest = await events(operations, operation, after=seen[-1].number)
    assert [event.number for event in seen + rest] == [1, 2, 3, 4]
    assert [event.progress and event.progress.words for event in rest] == ["waiting", None]
    # Whoever has seen all, and asks once more, is told the end again: an EventSource that is told nothing asks for ever.
    assert await events(operations, operation, after=4) == [rest[-1]]


async def test_many_steps_take_little_memory_and_the_slow_get_the_newest(operations):
    operation, work = await begun(operations, OTHER)
    async with asyncio.timeout(WAIT_S):
        following = operations.follow(operation.id)
        work.say(Progress("pulling 1", 0, 10_000))
        assert (await anext(following)).progress.completed == 0
        for done in range(1, 10_001):
            work.say(Progress("pulling 1", done, 10_000))
        for layer in range(1000):
            work.say(Progress(f"pulling {layer}"))
        work.go.set()
        rest = [event async for event in following]
    assert len(rest) <= module._MOST_EVENTS + 1  # what was there when the follower came back, and the end
    assert rest[-1].finished
    assert rest[-1].number == 11_002
    assert rest[-2].progress.words == "pulling 999"
    assert await events(operations, operation) == rest[1:]


async def test_steps_with_the_same_words_are_one(operations):
    operation, work = await begun(operations, OTHER)
    for words, done in (("manifest", None), ("pulling", 1), ("pulling", 2), ("verifying", None), ("pulling", 3)):
        work.say(Progress(words, done))
    work.go.set()
    found = await events(operations, operation)
    assert [(event.number, event.progress and event.progress.completed) for event in found] == [
        (1, None),
        (3, 2),
        (4, None),
        (5, 3),
        (6, None),
    ]


async def test_who_is_meant_not_to_answer(operations):
    async def last(kind, error=None, during=True):
        operation, work = await begun(operations, replace(START, kind=kind))
        assert operations.stopped("vllm") is during
        work.error = error
        work.go.set()
        await events(operations, operation)
        return operations.stopped("vllm")

    assert not operations.stopped("vllm")
    assert not await last(Kind.START)
    assert await last(Kind.STOP)
    assert not operations.stopped("ollama")
    assert not await last(Kind.STOP, ActionError("it lives on"))
    assert not await last(Kind.RESTART)
    for kind in (Kind.INSTALL, Kind.REMOVE):
        assert not await last(kind, during=False), "it answers while models come and go"
    assert await last(Kind.STOP)
    assert await last(Kind.INSTALL), "what is stopped stays so, whatever is installed"


async def test_one_that_was_seen_again_is_meant_to_answer(operations):
    async def done(kind):
        operation, work = await begun(operations, replace(START, kind=kind))
        operations.seen_online("vllm")  # as it still is while it is being told to stop
        work.go.set()
        await events(operations, operation)

    await done(Kind.STOP)
    operations.seen_online("ollama")
    assert operations.stopped("vllm")
    operations.seen_online("vllm")
    assert not operations.stopped("vllm"), "somebody has started it by hand"
    await done(Kind.INSTALL)
    assert not operations.stopped("vllm")
    await done(Kind.STOP)
    assert operations.stopped("vllm")


async def test_many_follow_at_once(operations):
    operation, work = await begun(operations)
    followers = [asyncio.create_task(events(operations, operation)) for _ in range(20)]
    await asyncio.sleep(0)
    work.say(Progress("starting"))
    work.go.set()
    found = [await follower for follower in followers]
    assert [[event.finished for event in each] for each in found] == [[False, True]] * 20


async def test_of_what_ended_long_ago_the_end_is_known(state, operations, path):
    operation, work = await begun(operations)
    work.go.set()
    (last,) = await events(operations, operation)
    later = Operations(state)
    (kept,) = [event async for event in later.follow(operation.id, after=7)]
    assert (kept.finished, kept.operation, kept.number) == (True, last.operation, 7)
    assert [event async for event in later.follow("no such")] == []
    assert later.get("no such") is None


async def test_only_the_newest_are_kept_with_their_events(operations, monkeypatch):
    monkeypatch.setattr(module, "_MOST_FINISHED", 2)
    done = []
    for _ in range(4):
        operation, work = await begun(operations)
        work.say(Progress("starting"))
        work.go.set()
        await events(operations, operation)
        done.append(operation)
    assert [len(await events(operations, operation)) for operation in done] == [1, 1, 2, 2]
    assert len(operations._runs) == 2


async def test_the_end_of_the_program(state):
    operations = Operations(state)
    operation, _ = await begun(operations)
    following = asyncio.create_task(events(operations, operation))
    never_ran = operations.begin(OTHER, Work())
    await operations.close()
    (last,) = await following
    assert last.operation.state is OperationState.INTERRUPTED
    assert state.operation(operation.id) == last.operation
    assert state.operation(never_ran.id).state is OperationState.INTERRUPTED
    assert [outcome for _, outcome, _ in audited(state)][2:] == [Outcome.INTERRUPTED] * 2
    with pytest.raises(StateError, match="venom-otel is ending"):
        operations.begin(START, Work())
    await operations.close()


async def test_work_that_does_not_end_holds_nothing_up(state, monkeypatch):
    monkeypatch.setattr(module, "END_S", 0.05)
    operations = Operations(state)
    let_go = asyncio.Event()
    begun = asyncio.Event()

    async def stubborn(say):
        begun.set()
        while not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()
        say(Progress("too late"))

    operation = operations.begin(START, stubborn)
    await begun.wait()
    following = asyncio.create_task(events(operations, operation))
    async with asyncio.timeout(WAIT_S):
        await operations.close()
    assert [event.operation.state for event in await following] == [OperationState.INTERRUPTED]
    let_go.set()
    await operations._runs[operation.id].task
    assert len(await events(operations, operation)) == 1
    assert state.operation(operation.id).state is OperationState.INTERRUPTED


async def test_what_cannot_be_kept_is_not_done(state, operations, path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        work = Work()
        with pytest.raises(StateError, match="cannot be read or written"):
            operations.begin(START, work)
    await asyncio.sleep(0)
    assert not work.begun.is_set()
    assert operations.running("vllm") is None
    assert operations.recent(None, 10) == []


async def test_an_end_that_cannot_be_kept_is_known_and_kept_later(state, operations, path, caplog):
    operation, work = await begun(operations)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        work.go.set()
        (last,) = await events(operations, operation)
        assert operations.get(operation.id) == operations.recent(None, 1)[0] == last.operation
        operations.refuse(START, "for a reason")
    assert "is not kept yet" in caplog.text
    assert "which the audit does not know" in caplog.text
    assert state.operation(operation.id).state is OperationState.RUNNING
    await begun(operations)
    assert state.operation(operation.id) == last.operation
    assert [outcome for _, outcome, _ in audited(state)] == [Outcome.BEGUN, Outcome.SUCCEEDED, Outcome.BEGUN]
