"""What followers of a task are given, from wherever they go on."""

import itertools

import pytest

from venom_otel import semconv
from venom_otel.instrumentation.routed import Reason
from venom_otel.services.tasks.model import EventKind, Message, Party, Position, Request, Role, Task, TaskError, TaskStatus, Wanted
from venom_otel.services.tasks.run import Run

PARTY = Party("vllm", "vllm", "m", "http://v/v1")


def new():
    return Run(Task("t", TaskStatus.PENDING, 1, PARTY), Wanted([Message(Role.USER, "hi")]), ())


async def lived():
    """A task that was asked of two, with tokens before, between and after its other events."""
    run = new()
    run.start("0" * 32, "0" * 16)
    run.token("one ")
    run.began()
    failed = Request("r-1", PARTY, outcome=semconv.OUTCOME_ERROR, error=TaskError("server_error", "500", "oh"))
    run.told(failed)
    for word in ("two ", "three "):
        run.token(word)
    run.began()
    run.told(Request("r-2", Party("big", "vllm", "m", "http://b/v1"), outcome=semconv.OUTCOME_OK, output_tokens=3))
    run.finish(TaskStatus.COMPLETED)
    return run


async def test_in_the_order_in_which_it_happened():
    events = list((await lived()).since(Position()))
    assert [(str(event.kind), event.body if event.kind is EventKind.TOKEN else "") for event in events] == [
        ("status", ""),
        ("status", ""),
        ("token", "one "),
        ("llm_provider_error", ""),
        ("token", "two three "),
        ("finished", ""),
    ]
    assert [event.position for event in events] == [
        Position(1, 0),
        Position(2, 0),
        Position(2, 4),
        Position(3, 4),
        Position(3, 14),
        Position(4, 14),
    ]


async def test_whoever_goes_on_misses_nothing_and_hears_nothing_twice():
    run = await lived()
    whole = list(run.since(Position()))
    for number, event in enumerate(whole[:-1], 1):
        assert list(run.since(event.position)) == whole[number:]
    # In the middle of what was one event for somebody else.
    middle = list(run.since(Position(3, 8)))
    assert [event.body for event in middle if event.kind is EventKind.TOKEN] == ["three "]


async def test_the_end_is_told_in_any_case():
    run = await lived()
    for position in (Position(4, 14), Position(400, 1400), Position(4, 0)):
        assert list(run.since(position))[-1].kind is EventKind.FINISHED
    assert [event.kind for event in run.since(Position(4, 14))] == [EventKind.FINISHED]


async def test_once_its_answer_was_forgotten_the_rest_is_told():
    run = await lived()
    run.forget()
    assert [str(event.kind) for event in run.since(Position())] == ["status", "status", "llm_provider_error", "finished"]


async def test_what_its_requests_say():
    run = await lived()
    task = run.task
    assert task.request_ids == ("r-1", "r-2")
    assert (task.party.service_id, task.output_tokens, task.error) == ("big", 3, None)
    assert run.failed.error.code == "500"


async def test_what_is_told_late_of_a_failure_does_not_hide_who_is_asked_now():
    run = new()
    run.start("0" * 32, "0" * 16)
    run.asks(target("vllm"))
    run.not_answered(target("vllm"), Reason("timeout", "timeout"))
    run.asks(target("big"))
    run.began()
    run.told(Request("r-1", PARTY, outcome=semconv.OUTCOME_ERROR, error=TaskError("timeout", "timeout", "late")))
    assert run.task.party.service_id == "big"
    assert (run.task.fallback.source.service_id, run.task.fallback.target.service_id, run.task.fallback.reason) == (
        "vllm",
        "big",
        "timeout",
    )


async def test_of_those_that_are_passed_over_the_first_should_have_answered():
    run = new()
    run.start("0" * 32, "0" * 16)
    run.passed_over(target("one"), Reason("not_reached", "connection_error"))
    run.passed_over(target("two"), Reason("loading", "503"))
    run.asks(target("three"))
    assert (run.task.fallback.source.service_id, run.task.fallback.target.service_id, run.task.fallback.reason) == (
        "one",
        "three",
        "not_reached",
    )


async def test_the_only_one_is_asked_all_the_same_which_is_no_fallback():
    run = new()
    run.start("0" * 32, "0" * 16)
    run.passed_over(target("one"), Reason("not_reached", "connection_error"))
    run.asks(target("one"))
    assert run.task.fallback is None
    assert [str(event.kind) for event in run.since(Position())] == ["status", "status"]


def target(name):
    from venom_otel.routing import Target

    return Target(name, name, "m")


async def test_only_the_first_end_counts():
    run = await lived()
    ended = run.task
    run.finish(TaskStatus.LOST, TaskError(None, None, "x"))
    run.told(Request("r-3", PARTY, outcome=semconv.OUTCOME_OK))
    assert run.task == ended


@pytest.mark.parametrize("count", [0, 1, 5000])
async def test_a_follower_that_reads_now_and_then_gets_every_character(count):
    run = new()
    run.start("0" * 32, "0" * 16)
    position, text = Position(), ""
    for number, word in enumerate(itertools.islice(itertools.cycle(["a ", "bc ", "ä"]), count)):
        run.token(word)
        if number % 97 == 0:
            for event in run.since(position):
                position = event.position
                text += event.body if event.kind is EventKind.TOKEN else ""
    run.finish(TaskStatus.COMPLETED)
    text += "".join(event.body for event in run.since(position) if event.kind is EventKind.TOKEN)
    assert text == str(run.answer)
