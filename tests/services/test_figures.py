"""Requests summed up, over a real store."""

import pytest
from support.otlp import SECOND, chat, traces
from support.patience import WAIT_S

from venom_otel.services.figures import DAY, HOUR, MINUTE, Window
from venom_otel.services.history import CHOICES
from venom_otel.store.protocol import Dimension, RequestFilter, RequestStatus, Signal

START = 1_790_000_040 * SECOND  # a whole minute
TOLERANCE = 0.012
"""Of a percentile, by the store's buckets."""


def answered(provider, model, start_s, seconds, tokens=100, first=None):
    more = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": tokens}
    more |= {"gen_ai.response.time_to_first_chunk": first} if first is not None else {}
    return chat(provider, model, more=more, start_ns=START + round(start_s * SECOND), duration_ns=round(seconds * SECOND))


def failed(provider, start_s, kind="auth"):
    more = {"llm.outcome": "error", "llm.error.kind": kind}
    return chat(provider, more=more, start_ns=START + round(start_s * SECOND), duration_ns=SECOND // 10, status=2)


def send(store, *spans, service="chat-api"):
    store.write(Signal.TRACES, traces(*spans, service=service)).result(WAIT_S)


async def test_one_group_of_all(store, history):
    send(store, *(answered("ollama", "a", second, second, first=0.5) for second in range(1, 10)), failed("vllm", 20))
    overview = await history.overview(Window(START, START + HOUR))
    (group,) = overview.groups
    figures = group.figures
    assert (group.group, group.start_ns) == ({}, START)
    assert dict(figures.counts) == {RequestStatus.COMPLETED: 9, RequestStatus.FAILED: 1, RequestStatus.CANCELLED: 0}
    assert (figures.requests, figures.error_rate) == (10, 0.1)
    assert (figures.input_tokens, figures.output_tokens) == (90, 900)
    assert figures.speed == pytest.approx(9 * 99 / (45 - 9 * 0.5))
    assert figures.duration.quantile(0.5) == pytest.approx(4 * SECOND, rel=TOLERANCE)
    assert (figures.first_chunk.count, figures.first_chunk.quantile(0.99)) == (9, pytest.approx(SECOND / 2, rel=TOLERANCE))


async def test_groups_and_steps_by_time(store, history):
    send(store, answered("vllm", "b", 0, 1), answered("ollama", "a", 0, 1), answered("ollama", "a", 59, 1), answered("ollama", "a", 60, 3))
    send(store, failed("ollama", 61), service="batch")
    window = Window(START, START + 10 * MINUTE, MINUTE)
    overview = await history.overview(window, by=[Dimension.PROVIDER, Dimension.SERVICE])
    assert [(group.start_ns - START, *group.group.values(), group.figures.requests) for group in overview.groups] == [
        (0, "ollama", "chat-api", 2),
        (0, "vllm", "chat-api", 1),
        (MINUTE, "ollama", "batch", 1),
        (MINUTE, "ollama", "chat-api", 1),
    ]
    steps = overview.by_start()
    assert {start - START: figures.requests for start, figures in steps.items()} == {0: 3, MINUTE: 2}
    assert steps[START + MINUTE].error_rate == 0.5
    assert [window.seconds_of(start) for start in list(window.starts())[:2]] == [60, 60]


async def test_by_status_itself(store, history):
    send(store, answered("vllm", "b", 0, 1), failed("vllm", 1))
    overview = await history.overview(Window(START, START + HOUR), by=[Dimension.STATUS])
    assert [(group.group[Dimension.STATUS], group.figures.requests) for group in overview.groups] == [("COMPLETED", 1), ("FAILED", 1)]


async def test_filters_hold_and_cursors_do_not(store, history):
    send(store, answered("vllm", "b", 0, 1), answered("ollama", "a", 0, 1), failed("vllm", 1), answered("vllm", "b", 7200, 1))
    which = RequestFilter(provider="vllm", after=10**6, since_ns=0)
    overview = await history.overview(Window(START, START + HOUR), which)
    assert sum(group.figures.requests for group in overview.groups) == 2


async def test_nothing(history):
    assert (await history.overview(Window(START, START + HOUR))).groups == []


async def test_choices_are_the_values_of_the_last_days(store, history):
    recent = [chat("ollama", "a"), chat("ollama", "b"), chat("vllm", "b", more={"llm.outcome": "error", "llm.error.kind": "auth"})]
    send(store, *recent)
    send(store, chat("anthropic", "old", start_ns=recent[0].start_time_unix_nano - 9 * DAY), service="old")
    choices = await history.choices()
    assert dict(choices[Dimension.PROVIDER]) == {"ollama": 2, "vllm": 1}
    assert list(choices[Dimension.MODEL]) == ["b", "a"]
    assert dict(choices[Dimension.SERVICE]) == {"chat-api": 3}
    assert dict(choices[Dimension.STATUS]) == {"COMPLETED": 2, "FAILED": 1}
    assert dict(choices[Dimension.ERROR_KIND]) == {"auth": 1}
    assert set(choices) == set(CHOICES)


@pytest.mark.parametrize(
    ("length", "step", "count"),
    [(MINUTE, MINUTE, 1), (15 * MINUTE, MINUTE, 15), (HOUR, MINUTE, 60), (6 * HOUR, 5 * MINUTE, 72), (DAY, 15 * MINUTE, 96),
     (7 * DAY, 2 * HOUR, 84), (30 * DAY, 12 * HOUR, 60), (400 * DAY, 7 * DAY, 57)],
)  # fmt: skip
@pytest.mark.parametrize("into", [0, 1, 59 * SECOND, 3599 * SECOND])
def test_a_readable_window(length, step, count, into):
    until = START + into
    window = Window.readable(until - length, until)
    assert (window.step_ns, len(window.starts())) == (step, count)
    assert window.starts()[-1] < until <= window.starts()[-1] + step
    assert window.since_ns == window.starts()[0]
    assert window.length_ns <= length


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ((5, 5, None), "earlier"),
        ((5, 4, MINUTE), "earlier"),
        ((0, HOUR, SECOND), "whole minutes"),
        ((0, HOUR, 0), "whole minutes"),
        ((0, 2 * DAY, 30 * MINUTE), "whole hours"),
        ((0, 400 * DAY, HOUR), "at most 1500 steps"),
    ],
)
def test_a_window_that_cannot_be(window, words):
    with pytest.raises(ValueError, match=words):
        Window(*window)
