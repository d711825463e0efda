"""The state machine, for every state that can follow another."""

import itertools

import pytest

from venom_otel.health.condition import FALLS, FALLS_S, MISSES, Condition, Now, follow
from venom_otel.runtimes.model import Reading, Reason, State, Status

READY = Reading(State.READY)
READINGS = {
    State.READY: READY,
    State.DEGRADED: Reading(State.DEGRADED, Reason.KEY, "the key is refused"),
    State.LOADING: Reading(State.LOADING, Reason.LOADING, "it loads its model"),
    State.STARTING: Reading(State.STARTING, Reason.REFUSED, "its process lives, its port refuses"),
    State.STOPPED: Reading(State.STOPPED, Reason.REFUSED, "nobody listens there"),
    State.FAILING: Reading(State.FAILING, Reason.SERVER_ERROR, "it answers 500"),
    State.UNREACHABLE: Reading(State.UNREACHABLE, Reason.NAME, "no such name"),
}
SILENCE = Reading(State.UNREACHABLE, Reason.TIMEOUT, "no answer within 3 s")


def at(seconds):
    return Now(seconds, round(seconds * 1e9))


def after(*readings, every=10.0, begin=1000.0):
    """The condition after readings, one every so many seconds."""
    condition = None
    for number, reading in enumerate(readings):
        condition = follow(condition, reading, at(begin + number * every))
    return condition


def test_a_reading_for_each_state():
    assert set(READINGS) == set(State)


@pytest.mark.parametrize("state", State)
def test_the_first_look_decides(state):
    reading = READINGS[state]
    assert after(reading) == Condition(state, 1000 * 10**9, reading.reason, reading.cause)


@pytest.mark.parametrize(("first", "then"), list(itertools.product(State, State)))
def test_one_look_decides_whatever_was_before(first, then):
    condition = after(READINGS[first], READINGS[then])
    fell = first.status is Status.ONLINE and then.status is Status.OFFLINE
    assert condition == Condition(
        then,
        since_ns=(1000 if first is then else 1010) * 10**9,
        reason=READINGS[then].reason,
        cause=READINGS[then].cause,
        falls=(1010.0,) if fell else (),
    )


def test_words_are_of_the_newest_look_while_the_state_lasts():
    other = Reading(State.STOPPED, Reason.REFUSED, "still nobody")
    condition = after(READINGS[State.STOPPED], other)
    assert (condition.since_ns, condition.cause) == (1000 * 10**9, "still nobody")


@pytest.mark.parametrize("online", [READY, READINGS[State.DEGRADED]])
def test_an_online_server_that_misses_one_look_is_in_doubt(online):
    condition = after(online, SILENCE)
    assert (condition.state, condition.reason, condition.in_doubt) == (State.DEGRADED, Reason.TIMEOUT, True)
    assert condition.cause == "no answer within 3 s. It may be busy: another look without an answer counts as offline."
    assert not condition.falls


def test_and_is_offline_once_it_has_missed_enough():
    condition = after(READY, *[SILENCE] * MISSES)
    assert (condition.state, condition.reason, condition.cause) == (State.UNREACHABLE, Reason.TIMEOUT, SILENCE.cause)
    assert (condition.status, condition.in_doubt, len(condition.falls)) == (Status.OFFLINE, False, 1)


def test_and_is_as_before_once_it_answers():
    condition = after(READY, SILENCE, READY, SILENCE)
    assert (condition.state, condition.misses) == (State.DEGRADED, 1)
    assert after(READY, SILENCE, READY) == Condition(State.READY, 1020 * 10**9)


@pytest.mark.parametrize("reading", [READINGS[state] for state in State if state.status is Status.OFFLINE])
def test_no_doubt_where_the_failure_is_clear(reading):
    assert after(READY, reading).state is reading.state


@pytest.mark.parametrize("before", [(), (READINGS[State.STOPPED],), (SILENCE, SILENCE)])
def test_no_doubt_where_it_was_not_online(before):
    condition = after(*before, SILENCE)
    assert (condition.state, condition.in_doubt) == (State.UNREACHABLE, False)


def test_a_server_that_comes_and_goes_is_said_to():
    condition = after(*[READY, READINGS[State.STOPPED]] * FALLS, READY)
    assert (condition.state, condition.reason, condition.status) == (State.DEGRADED, Reason.UNSTEADY, Status.ONLINE)
    assert condition.cause == "It went offline 3 times within 10 minutes."
    assert condition.since_ns == 1060 * 10**9
    fewer = after(*[READY, READINGS[State.STOPPED]] * (FALLS - 1), READY)
    assert fewer.state is State.READY


def test_and_while_it_is_offline_or_degraded_by_itself():
    condition = after(*[READY, READINGS[State.STOPPED]] * FALLS)
    assert (condition.state, condition.reason) == (State.STOPPED, Reason.REFUSED)
    assert condition.cause == "nobody listens there. It went offline 3 times within 10 minutes."
    condition = follow(condition, READINGS[State.DEGRADED], at(1070))
    assert (condition.state, condition.reason) == (State.DEGRADED, Reason.KEY)
    assert condition.cause == "the key is refused. It went offline 3 times within 10 minutes."


def test_and_no_longer_once_it_has_been_steady():
    unsteady = after(*[READY, READINGS[State.STOPPED]] * FALLS, READY)
    first = unsteady.falls[0]
    still = follow(unsteady, READY, at(first + FALLS_S - 1))
    assert (still.state, still.since_ns) == (State.DEGRADED, unsteady.since_ns)
    steady = follow(still, READY, at(first + FALLS_S))
    assert (steady.state, steady.cause, steady.since_ns) == (State.READY, None, round((first + FALLS_S) * 1e9))


def test_what_is_remembered_is_bounded():
    condition = after(*[READY, READINGS[State.STOPPED]] * 2000, every=0.1)
    assert len(condition.falls) == 100


@pytest.mark.parametrize("first", [*READINGS.values(), SILENCE])
def test_what_always_holds(first):
    """Each state but ready has its reason and words, and a state lasts since a look that saw it."""
    for others in itertools.product([*READINGS.values(), SILENCE], repeat=3):
        condition = None
        for number, reading in enumerate((first, *others)):
            before, condition = condition, follow(condition, reading, at(1000.0 + number))
            assert (condition.state is State.READY) == (condition.reason is None) == (condition.cause is None)
            assert condition.status is Status.OFFLINE or reading.state.status is Status.ONLINE or condition.in_doubt
            lasts = before is not None and before.state is condition.state
            assert condition.since_ns == (before.since_ns if lasts else (1000 + number) * 10**9)


def test_a_stop_that_was_asked_for_is_no_sign_of_trouble():
    condition = None
    for second, reading in enumerate([READY, READINGS[State.STOPPED]] * FALLS):
        condition = follow(condition, reading, at(second), meant=True)
    condition = follow(condition, READY, at(10))
    assert (condition.state, condition.reason, condition.falls) == (State.READY, None, ())
