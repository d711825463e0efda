"""What is kept of how fast servers answered: steps of half a minute, half an hour of them."""

import pytest

from venom_otel.services.latencies import STEP_NS, STEPS, Latencies, Step

BEGIN = 1_000 * STEP_NS


@pytest.fixture
def kept():
    return Latencies()


def test_of_a_step_the_slowest_counts(kept):
    for latency_s in (0.004, 0.25, 0.006):
        kept.note("vllm", BEGIN, latency_s)
    kept.note("vllm", BEGIN + STEP_NS, 0.005)
    assert kept.of("vllm") == (Step(1_000, 0.25, unanswered=False), Step(1_001, 0.005, unanswered=False))


@pytest.mark.parametrize("looks", [(0.004, None), (None, 0.004)])
def test_a_look_without_an_answer_is_remembered_beside_those_that_had_one(kept, looks):
    for latency_s in looks:
        kept.note("vllm", BEGIN, latency_s)
    assert kept.of("vllm") == (Step(1_000, 0.004, unanswered=True),)


def test_half_an_hour_is_kept_and_what_is_older_is_not(kept):
    for number in range(3 * STEPS):
        kept.note("vllm", BEGIN + number * STEP_NS, 0.004)
    assert [step.number for step in kept.of("vllm")] == list(range(1_000 + 2 * STEPS, 1_000 + 3 * STEPS))
    kept.note("vllm", BEGIN + 10 * STEPS * STEP_NS, None)  # after a night
    assert kept.of("vllm") == (Step(1_000 + 10 * STEPS, None, unanswered=True),)


def test_each_server_has_its_own(kept):
    kept.note("vllm", BEGIN, 0.004)
    assert kept.of("ollama") == ()
