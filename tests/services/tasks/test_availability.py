"""What is known before a task's request: the monitor's word first, and between its looks what happened to requests."""

import math
import time

import pytest
from support.scripted_health import READY, runtime

from venom_otel.health import Server
from venom_otel.health.condition import Now, follow
from venom_otel.routing import Failed, Reason, Target
from venom_otel.runtimes.model import Reading, State
from venom_otel.runtimes.model import Reason as Cause
from venom_otel.services.tasks.availability import MonitorAvailability

VLLM = Target(runtime().endpoint.server, "vllm", "llama")
OTHER_MODEL, ELSEWHERE = VLLM._replace(model="gemma"), Target("elsewhere:9000", "big", "llama")
DOWN, LOADING, BUSY = Failed("not_reached", "connection_error"), Failed("loading", "503"), Failed("rate_limited", "429", 30.0)
STOPPED = Reading(State.STOPPED, Cause.REFUSED, "nobody listens there")


class Looked:
    """What the monitor has seen last."""

    def __init__(self):
        self.server = None
        self.at(READY)

    def at(self, reading, *, probe_s=0.0):
        """A look that ends now."""
        now_ns = time.time_ns()
        before = self.server and self.server.condition
        condition = follow(before, reading, Now(time.monotonic(), now_ns))
        self.server = Server(runtime(), condition, reading, now_ns, probe_s)

    def __call__(self):
        return [self.server]


@pytest.fixture
def looked():
    return Looked()


@pytest.fixture
def availability(looked):
    return MonitorAvailability(looked, clock=lambda: 1_000.0)  # it stands still: no pause is over before a test has asked


def fail(availability, target, failure):
    assert availability.begin(target) is None
    availability.failed(target, failure)


def test_who_is_offline_is_passed_over_until_the_monitor_says_otherwise(availability, looked):
    looked.at(STOPPED)
    assert availability.begin(VLLM) == availability.begin(OTHER_MODEL) == (Reason("not_reached", "connection_error"), math.inf)
    assert availability.begin(ELSEWHERE) is None
    looked.at(READY)
    assert availability.begin(VLLM) is None


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (Reading(State.LOADING, Cause.LOADING, "it loads"), Reason("loading", "503")),
        (Reading(State.STARTING, Cause.REFUSED, "its process lives"), Reason("loading", "503")),
        (Reading(State.UNREACHABLE, Cause.WRONG_SERVER, "another one"), Reason("wrong_path", "404")),
        (Reading(State.FAILING, Cause.SERVER_ERROR, "500"), Reason("server_error", "500")),
        (Reading(State.UNREACHABLE, Cause.NAME, "no such name"), Reason("not_reached", "connection_error")),
    ],
    ids=lambda value: f"{value.state} {value.reason}" if isinstance(value, Reading) else None,
)
def test_why_in_the_words_of_a_request_that_failed(availability, looked, reading, reason):
    looked.at(reading)
    assert availability.begin(VLLM).reason == reason


def test_who_failed_just_now_is_passed_over_until_the_next_look(availability, looked):
    fail(availability, VLLM, DOWN)
    found = availability.begin(OTHER_MODEL)
    assert found.reason == Reason("not_reached", "connection_error")
    assert found.due_s == 5
    looked.at(READY)
    assert [availability.begin(VLLM) for _ in range(3)] == [None] * 3, "no trial, for which the others would wait"


def test_a_look_that_began_before_the_failure_says_nothing_of_it(availability, looked):
    fail(availability, VLLM, LOADING)
    looked.at(READY, probe_s=60)
    assert availability.begin(VLLM).reason.kind == "loading"
    looked.at(READY)
    assert availability.begin(VLLM) is None


def test_a_look_that_was_not_answered_says_nothing_either(availability, looked):
    fail(availability, VLLM, DOWN)
    looked.at(Reading(State.UNREACHABLE, Cause.TIMEOUT, "no answer in time"))
    assert looked.server.condition.status == "online", "it is in doubt"
    assert availability.begin(VLLM).reason.kind == "not_reached"


def test_what_no_look_can_tell_holds_beyond_it(availability, looked):
    fail(availability, VLLM, LOADING)
    availability.begin(VLLM, anyway=True)
    availability.failed(VLLM, BUSY)
    looked.at(READY)
    found = availability.begin(VLLM)
    assert found.reason == Reason("rate_limited", "429")
    assert found.due_s == 30
    assert availability.begin(OTHER_MODEL) is None


def test_what_fails_while_the_monitor_sees_it_offline_is_no_news(availability, looked):
    """It is asked all the same where nobody else is there; once it is back, it is not made to wait."""
    looked.at(STOPPED)
    for _ in range(5):
        assert availability.begin(VLLM, anyway=True) is None
        availability.failed(VLLM, DOWN)
    looked.at(READY)
    assert [availability.begin(VLLM) for _ in range(3)] == [None] * 3


def test_one_that_answers_or_is_left(availability):
    assert availability.begin(VLLM) is None
    availability.left(VLLM)
    assert availability.begin(VLLM) is None
    availability.failed(VLLM, DOWN)
    assert availability.begin(VLLM, anyway=True) is None
    availability.answered(VLLM)
    assert availability.begin(VLLM) is None
