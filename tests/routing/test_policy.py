"""Who is asked, and after what: rules by themselves, and the sequence of attempts against the policy's word."""

import itertools
import random
from typing import Any

import pytest
from openai import APIConnectionError, APIStatusError, AuthenticationError, BadRequestError, InternalServerError, NotFoundError
from openai import RateLimitError as RateLimited
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from semantic_kernel.exceptions import ServiceResponseException
from support.app import history
from support.custom import Parrot

import venom_otel
from venom_otel import semconv
from venom_otel.errors import SettingsError
from venom_otel.instrumentation.failures import Failure, describe
from venom_otel.routing import DEFAULT, Policy, after_status, on

LISTED = ("not_reached", "timeout", "model_not_found", "wrong_path", "rate_limited", "overloaded", "loading", "server_error")


def failure(kind, status=None):
    return Failure(str(status or kind), kind, status, "Error", "words")


@pytest.mark.parametrize("kind", [*semconv.ERROR_KINDS, None])
def test_the_usual_policy(kind):
    assert Policy().allows(failure(kind)) == (kind in LISTED)


def test_rules_combine():
    slow = on("timeout", "overloaded")
    assert slow(failure("timeout"))
    assert not slow(failure("loading"))
    assert (slow | on("loading"))(failure("loading"))
    assert (DEFAULT & ~on("model_not_found"))(failure("timeout"))
    assert not (DEFAULT & ~on("model_not_found"))(failure("model_not_found"))
    assert after_status(500, 502)(failure("server_error", 502))
    assert not after_status(500, 502)(failure("server_error", 503))


def test_rules_read_as_they_are_written():
    assert repr(on("timeout") | ~after_status(500) & on("loading")) == "(on('timeout') | (~after_status(500) & on('loading')))"
    assert repr(Policy(fall_back_on=["timeout"], attempt_timeout_s=20)) == "Policy(fall_back_on=on('timeout'), attempt_timeout_s=20)"


@pytest.mark.parametrize("rule", [~on("timeout"), after_status(400, 401), DEFAULT | ~DEFAULT], ids=repr)
@pytest.mark.parametrize("kind", ["auth", "bad_request"])
def test_no_rule_allows_what_another_server_would_hide(rule, kind):
    assert not Policy(rule).allows(failure(kind, 401))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"fall_back_on": ["slow"]}, "'slow' is no kind of failure; there are not_reached, "),
        ({"fall_back_on": "auth"}, "After 'auth' no other service is asked"),
        ({"fall_back_on": ["timeout", "bad_request"]}, "After 'bad_request' no other service is asked"),
        ({"attempt_timeout_s": 0}, "attempt_timeout_s=0: seconds above zero are wanted"),
        ({"attempt_timeout_s": float("nan")}, "attempt_timeout_s=nan"),
    ],
)
def test_a_policy_that_cannot_be(arguments, words):
    with pytest.raises(SettingsError, match=words):
        Policy(**arguments)


# -- the sequence of attempts -------------------------------------------------------------------------------------------------------------


def status(cls, code, message):
    import httpx2

    request = httpx2.Request("POST", "http://model-server/v1/chat/completions")
    return cls(message, response=httpx2.Response(code, request=request), body=None)


def wrapped(error):
    """As Semantic Kernel's connector raises it."""
    outer = ServiceResponseException("service failed to complete the prompt", error)
    outer.__cause__ = error
    return outer


FAILURES = {
    "not_reached": lambda: wrapped(APIConnectionError(request=None)),
    "timeout": lambda: TimeoutError("too slow"),
    "model_not_found": lambda: wrapped(status(NotFoundError, 404, "model 'm' not found")),
    "wrong_path": lambda: wrapped(status(NotFoundError, 404, "Not Found")),
    "rate_limited": lambda: wrapped(status(RateLimited, 429, "Rate limit reached")),
    "overloaded": lambda: wrapped(status(APIStatusError, 503, "busy")),
    "loading": lambda: wrapped(status(APIStatusError, 503, "Loading model")),
    "server_error": lambda: wrapped(status(InternalServerError, 500, "engine failed")),
    "auth": lambda: wrapped(status(AuthenticationError, 401, "Unauthorized")),
    "bad_request": lambda: wrapped(status(BadRequestError, 400, "context length exceeded")),
    None: lambda: ValueError("the application's own"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_the_failures_are_what_they_are_called(kind):
    assert describe(FAILURES[kind]()).kind == kind


class Scripted(Parrot):
    """Answers, or fails in a way that the test chose for it."""

    fails: str | None = ""
    """A kind of failure; "" for none."""
    calls: Any

    async def _inner_get_chat_message_contents(self, chat_history, settings):
        self.calls.append(self.service_id)
        if self.fails != "":
            error = FAILURES[self.fails]()
            raise error
        return await super()._inner_get_chat_message_contents(chat_history, settings)

    async def _inner_get_streaming_chat_message_contents(self, chat_history, settings, function_invoke_attempt=0):
        self.calls.append(self.service_id)
        if self.fails != "":
            error = FAILURES[self.fails]()
            raise error
        async for contents in super()._inner_get_streaming_chat_message_contents(chat_history, settings, function_invoke_attempt):
            yield contents


class Open:
    """An availability that knows nothing, but sees to it that each attempt has one beginning and one end."""

    def __init__(self):
        self.under_way = []

    def begin(self, target, *, anyway=False):
        self.under_way.append(target)

    def _end(self, target, *_):
        self.under_way.remove(target)

    answered = failed = left = _end


async def outcome(service, *, stream):
    """Who answered, or the kind of the failure that came out."""
    try:
        if stream:
            async for contents in service.get_streaming_chat_message_contents(history("hello"), PromptExecutionSettings()):
                answered = contents[0].metadata["llm_service_id"]
            return answered
        [content] = await service.get_chat_message_contents(history("hello"), PromptExecutionSettings())
        return content.metadata["llm_service_id"]
    except Exception as error:
        return describe(error).kind


def expected(fails, allowed):
    """What the policy's words say: services are asked in their order until one answers or fails in a way that is not listed."""
    asked = []
    for number, kind in enumerate(fails):
        asked.append(str(number))
        if kind == "":
            return asked, str(number)
        if kind not in allowed:
            break
    return asked, fails[len(asked) - 1]


def stories():
    """Every failure of two services, and chance ones of up to five; the seed is fixed, so that a failure comes again."""
    kinds = ["", *FAILURES]
    yield from itertools.product(kinds, repeat=2)
    chance = random.Random(6)
    for _ in range(200):
        yield tuple(chance.choice(kinds) for _ in range(chance.randint(1, 5)))


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
@pytest.mark.parametrize("allowed", [LISTED, ("timeout", "loading"), ()], ids=["usual", "two kinds", "none"])
async def test_the_sequence_of_attempts_is_the_policys_word(allowed, stream):
    for fails in stories():
        calls, knows_nothing = [], Open()
        services = [Scripted(ai_model_id="m", service_id=str(number), fails=kind, calls=calls) for number, kind in enumerate(fails)]
        service = venom_otel.fallback(services, policy=Policy(allowed), availability=knows_nothing)
        end = await outcome(service, stream=stream)
        assert (calls, end) == expected(fails, allowed), fails
        assert knows_nothing.under_way == []
