"""The circuit breaker: what it passes over, for how long, and who tries it again. Time stands still unless a test moves it."""

import math
import threading

import pytest
from support import behaviours, dialects
from support.app import OLLAMA, OPENAI, history, settings_for
from support.routing import services_for

import venom_otel
from venom_otel.routing import CircuitBreaker, Failed, Target, availability

GPU, SPARE, OTHER_MODEL = Target("gpu:8000", "vl", "llama"), Target("spare:8000", "sp", "llama"), Target("gpu:8000", "vl", "gemma")
DOWN, BUSY, LOADING = Failed("not_reached", "connection_error"), Failed("overloaded", "503"), Failed("loading", "503")
BROKEN = Failed("server_error", "500")


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return CircuitBreaker(pause_s=5, longest_pause_s=60, patience=3, clock=clock)


def fail(breaker, target, failure):
    """One attempt that fails, whether it is due or not."""
    breaker.begin(target, anyway=True)
    breaker.failed(target, failure)


def may_ask(breaker, target):
    """Whether a call would ask it now; nothing comes of it."""
    allowed = breaker.begin(target) is None
    if allowed:
        breaker.left(target)
    return allowed


def test_what_nothing_is_known_of_is_asked(breaker):
    assert may_ask(breaker, GPU)


@pytest.mark.parametrize("kind", ["not_reached", "timeout", "loading", "overloaded", "rate_limited", "model_not_found", "wrong_path"])
def test_one_failure_that_will_last(kind, breaker, clock):
    fail(breaker, GPU, Failed(kind, "x"))
    found = breaker.begin(GPU)
    assert (found.reason, found.due_s) == ((kind, "x"), 5)
    clock.now += 4.99
    assert not may_ask(breaker, GPU)
    clock.now += 0.02
    assert may_ask(breaker, GPU)


@pytest.mark.parametrize("kind", ["auth", "bad_request", "broken_stream"])
def test_a_failure_that_says_nothing_of_the_next(kind, breaker):
    fail(breaker, GPU, Failed(kind, "x"))
    assert may_ask(breaker, GPU)


def test_server_errors_count_once_there_are_several_in_a_row(breaker):
    for _ in range(2):
        fail(breaker, GPU, BROKEN)
    breaker.begin(GPU)
    breaker.answered(GPU)
    for _ in range(2):
        fail(breaker, GPU, BROKEN)
        assert may_ask(breaker, GPU)
    fail(breaker, GPU, BROKEN)
    assert not may_ask(breaker, GPU)


def test_a_server_that_is_down_is_down_for_all_its_models_and_no_other(breaker):
    fail(breaker, GPU, DOWN)
    assert not may_ask(breaker, OTHER_MODEL)
    assert may_ask(breaker, SPARE)


def test_a_model_that_is_busy_says_nothing_of_another(breaker):
    fail(breaker, GPU, BUSY)
    assert may_ask(breaker, OTHER_MODEL)


def test_services_without_an_address_are_servers_by_themselves(breaker):
    fail(breaker, Target("", "a", "m"), DOWN)
    assert not may_ask(breaker, Target("", "a", "other"))
    assert may_ask(breaker, Target("", "b", "m"))


def test_one_call_tries_it_and_the_others_wait(breaker, clock):
    fail(breaker, GPU, DOWN)
    clock.now += 6
    assert breaker.begin(GPU) is None
    assert breaker.begin(GPU).due_s == math.inf
    breaker.answered(GPU)
    assert breaker.begin(GPU) is None
    assert breaker.begin(GPU) is None


def test_a_trial_that_the_application_gives_up_leaves_it_to_another(breaker, clock):
    fail(breaker, GPU, DOWN)
    clock.now += 6
    assert breaker.begin(GPU) is None
    breaker.left(GPU)
    assert breaker.begin(GPU) is None


def test_each_trial_that_fails_doubles_the_pause_up_to_the_longest(breaker, clock):
    pauses = []
    for _ in range(6):
        fail(breaker, GPU, DOWN)
        pauses.append(breaker.begin(GPU).due_s)
        clock.now += pauses[-1]
    assert pauses == [5, 10, 20, 40, 60, 60]
    breaker.begin(GPU)
    breaker.answered(GPU)
    fail(breaker, GPU, DOWN)
    assert breaker.begin(GPU).due_s == 5


def test_a_trial_that_fails_in_another_way_is_a_failed_trial(breaker, clock):
    """Also where a first failure of that kind would not have counted."""
    fail(breaker, GPU, BUSY)
    clock.now += 6
    fail(breaker, GPU, BROKEN)
    assert breaker.begin(GPU).due_s == 10


def test_a_refusal_of_the_request_itself_ends_a_trial_well(breaker, clock):
    """The model answers again, whatever it says of this request."""
    fail(breaker, GPU, BUSY)
    clock.now += 6
    fail(breaker, GPU, Failed("bad_request", "400"))
    assert [breaker.begin(GPU), breaker.begin(GPU)] == [None, None]


def test_where_there_is_no_other_it_is_asked_however_young_its_failure(breaker):
    fail(breaker, GPU, DOWN)
    assert breaker.begin(GPU).due_s == 5
    assert breaker.begin(GPU, anyway=True) is None


def test_failures_that_were_under_way_together_are_one(breaker):
    for _ in range(100):
        assert breaker.begin(GPU) is None
    for _ in range(100):
        breaker.failed(GPU, DOWN)
    assert breaker.begin(GPU).due_s == 5


def test_refusals_that_were_under_way_together_are_one_and_the_newest_word_counts(breaker, clock):
    for told_s in (20, 30, 25):
        breaker.failed(GPU, Failed("rate_limited", "429", told_s))
    assert breaker.begin(GPU).due_s == 25
    clock.now += 25
    fail(breaker, GPU, BUSY)
    assert breaker.begin(GPU).due_s == 10, "the second failure one after the other"


def test_a_trial_of_which_nothing_is_heard_leaves_it_to_another(breaker, clock):
    fail(breaker, GPU, DOWN)
    clock.now += 6
    assert breaker.begin(GPU) is None
    clock.now += 59
    assert breaker.begin(GPU).due_s == math.inf
    clock.now += 2
    assert breaker.begin(GPU) is None
    assert breaker.begin(GPU).due_s == math.inf


def test_what_failed_longest_ago_is_forgotten_where_there_is_too_much(breaker, monkeypatch):
    monkeypatch.setattr(availability, "MOST_KEPT", 3)
    models = [Target("gpu:8000", "vl", f"model-{number}") for number in range(4)]
    for model in (*models[:3], models[0]):
        fail(breaker, model, BUSY)
    fail(breaker, models[3], BUSY)
    assert [may_ask(breaker, model) for model in models] == [False, True, False, False]


def test_any_reply_shows_that_the_server_can_be_reached(breaker, clock):
    fail(breaker, GPU, DOWN)
    clock.now += 6
    fail(breaker, GPU, BUSY)
    assert not may_ask(breaker, GPU)
    assert may_ask(breaker, OTHER_MODEL)


@pytest.mark.parametrize(("told_s", "pause_s"), [(20.0, 20), (0.5, 0.5), (100_000.0, 3600)])
def test_what_the_server_asks_for_is_heard(told_s, pause_s, breaker):
    fail(breaker, GPU, Failed("rate_limited", "429", told_s))
    assert breaker.begin(GPU).due_s == pause_s


def test_threads_share_one_trial(breaker, clock):
    fail(breaker, GPU, DOWN)
    clock.now += 6
    together, allowed = threading.Barrier(8), []

    def ask():
        together.wait()
        allowed.append(breaker.begin(GPU) is None)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(allowed) == [False] * 7 + [True]


# -- below a routed service -----------------------------------------------------------


async def asked(service):
    [answer] = await service.get_chat_message_contents(history(), settings_for(OPENAI))
    return answer.metadata["llm_service_id"]


async def test_passed_over_without_waiting_then_tried_again(servers, urls, breaker, clock):
    servers[OLLAMA].play(behaviours.refuses(dialects.LOADING), behaviours.answers())
    async with services_for(urls) as services:
        service = venom_otel.fallback(services, availability=breaker)
        assert [await asked(service) for _ in range(3)] == ["vl"] * 3
        assert len(servers[OLLAMA].requests) == 1
        clock.now += 5
        assert [await asked(service) for _ in range(2)] == ["ol"] * 2
    assert (len(servers[OLLAMA].requests), len(servers[OPENAI].requests)) == (3, 3)


async def test_where_all_are_known_to_be_down_the_one_due_first_is_asked(servers, urls, breaker, clock):
    servers[OLLAMA].play(behaviours.refuses(dialects.BUSY))
    servers[OPENAI].play(behaviours.refuses(dialects.RATE_LIMITED, **{"retry-after": "2"}), behaviours.answers())
    async with services_for(urls) as services:
        service = venom_otel.fallback(services, availability=breaker)
        with pytest.raises(Exception, match="service failed"):
            await asked(service)
        assert (len(servers[OLLAMA].requests), len(servers[OPENAI].requests)) == (1, 1)
        clock.now += 1
        assert await asked(service) == "vl"
    assert (len(servers[OLLAMA].requests), len(servers[OPENAI].requests)) == (1, 2)


async def test_one_breaker_for_several_routed_services(servers, urls, breaker):
    servers[OLLAMA].play(behaviours.refuses(dialects.LOADING))
    async with services_for(urls) as services:
        first, second = (venom_otel.fallback(services, availability=breaker) for _ in range(2))
        assert [await asked(first), await asked(second)] == ["vl", "vl"]
    assert len(servers[OLLAMA].requests) == 1


async def test_a_server_that_was_just_found_down_is_not_asked_again_by_another_service(urls, closed_port, breaker):
    """Two services of one server: what the first learns holds for the second, in the same call."""
    gone = {OLLAMA: closed_port.url, OPENAI: closed_port.url}
    async with services_for(gone) as [first, second], services_for({OLLAMA: urls[OLLAMA]}) as [third]:
        spare = third.model_copy(update={"service_id": "spare"})
        assert await asked(venom_otel.fallback([first, second, spare], availability=breaker)) == "spare"
        with pytest.raises(Exception, match="Failed to connect to Ollama") as raised:
            await asked(venom_otel.fallback([first, second], availability=CircuitBreaker(clock=Clock())))
    assert "2. vl (gemma-3 at" in raised.value.__notes__[0]
    assert "passed over, known for not_reached" in raised.value.__notes__[0]
