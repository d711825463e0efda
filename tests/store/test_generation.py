"""How fast a model writes: the one function, over a request and over sums."""

import pytest
from support.otlp import SECOND, chat, traces
from support.patience import WAIT_S

from venom_otel.store.generation import FASTEST, UNKNOWN, Generation, generated, streamed, summed
from venom_otel.store.protocol import RequestFilter, Signal

HALF = SECOND // 2


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ((101, 3 * SECOND, SECOND, -1), (1, 100, 2 * SECOND)),  # a stream
        ((101, 3 * SECOND, SECOND, HALF), (1, 100, HALF)),  # the runtime's word is better
        ((101, 3 * SECOND, -1, HALF), (1, 100, HALF)),  # and the only one of an answer that came whole
        ((101, 3 * SECOND, -1, -1), (0, 0, 0)),
        ((101, 3 * SECOND, SECOND, 0), (1, 100, 2 * SECOND)),
        ((1, 3 * SECOND, SECOND, HALF), (0, 0, 0)),  # one token has no pace
        ((0, 3 * SECOND, SECOND, HALF), (0, 0, 0)),
        ((-1, 3 * SECOND, SECOND, HALF), (0, 0, 0)),  # nobody counted
        ((101, SECOND, SECOND, -1), (0, 0, 0)),
        ((101, SECOND, 2 * SECOND, -1), (0, 0, 0)),  # clocks that contradict each other
        ((101, SECOND, SECOND - 1_000_000, -1), (0, 0, 0)),  # in one piece
        ((FASTEST + 1, SECOND, 0, -1), (1, FASTEST, SECOND)),
        ((FASTEST + 2, SECOND, 0, -1), (0, 0, 0)),
    ],
    ids=str,
)
def test_of_one_request(said, known):
    assert generated(*said) == known


def test_sums():
    assert summed([Generation(1, 100, SECOND), UNKNOWN, Generation(1, 20, SECOND)]) == (2, 120, 2 * SECOND)
    assert summed([Generation(1, 100, SECOND), Generation(1, 20, SECOND)]).speed == 60
    assert (summed([]), summed([]).speed, Generation(1, 1, 0).speed) == (UNKNOWN, None, None)
    assert (streamed(1, 0, SECOND), streamed(1, -3, SECOND), streamed(2, 50, SECOND).speed) == (UNKNOWN, UNKNOWN, 50)


@pytest.mark.parametrize(
    ("more", "speed"),
    [
        ({"gen_ai.response.time_to_first_chunk": 1.0}, 50),
        ({"gen_ai.response.time_to_first_chunk": 1.0, "llm.timing.generation": 0.5}, 200),
        ({"llm.timing.generation": 0.5}, 200),
        ({}, None),
        ({"gen_ai.response.time_to_first_chunk": 1.0, "llm.outcome": "error"}, 50),  # a stream that broke
        ({"gen_ai.response.time_to_first_chunk": 1.0, "gen_ai.usage.output_tokens": 1}, None),
    ],
    ids=str,
)
async def test_the_list_says_what_the_figures_say(store, more, speed):
    one = chat(more={"gen_ai.usage.output_tokens": 101} | more, start_ns=SECOND, duration_ns=3 * SECOND)
    store.write(Signal.TRACES, traces(one)).result(WAIT_S)
    (listed,) = await store.requests(RequestFilter(), 1)
    assert listed.speed == speed
    (figures,) = await store.aggregates(RequestFilter())
    assert figures.generation.speed == speed
