"""What a failed call means: by the exceptions of every client, by statuses, and by the words of real servers.

Above all, whether a 404 says "no such model" or "no such path", and whether there was a server at all.
"""

import json
import socket

import aiohttp
import anthropic
import azure.core.exceptions
import botocore.exceptions
import google.api_core.exceptions
import google.genai.errors
import httpx
import httpx2
import mistralai.models
import ollama
import openai
import pytest
from semantic_kernel.exceptions import ServiceResponseException

from venom_otel import semconv
from venom_otel.instrumentation.failures import describe, true_cause

MISSING = {
    "Ollama": "model 'llama3.2:1b' not found",
    "vLLM": "The model `meta-llama/Llama-3.1-8B-Instruct` does not exist. Valid aliases: gemma-3.",
    "OpenAI": "The model `gpt-4.1-nano` does not exist or you do not have access to it.",
    "LiteLLM": "/chat/completions: Invalid model name passed in model=qwen2.5. Call `/v1/models` to view available models",
}
ELSEWHERE = {
    "Ollama": "404 page not found",
    "vLLM": "Not Found",
    "llama-server": "File Not Found",
    "a sentence later": "Which model was meant is unclear. The path was not found.",
}


def not_found(words):
    request = httpx2.Request("POST", "http://127.0.0.1:8000/v1/chat/completions")
    return openai.NotFoundError(f"Error code: 404 - {words}", response=httpx2.Response(404, request=request), body=None)


@pytest.mark.parametrize("words", MISSING.values(), ids=MISSING)
def test_a_missing_model_is_told_also_where_its_name_has_dots(words):
    failure = describe(not_found(words))
    assert (failure.kind, failure.error_type, failure.status_code) == (semconv.KIND_MODEL_NOT_FOUND, "404", 404)
    assert failure.exception_type == "openai.NotFoundError"


@pytest.mark.parametrize("words", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_wrong_path_is_told_from_a_missing_model(words):
    assert describe(not_found(words)).kind == semconv.KIND_WRONG_PATH


# -- what the classes of each client say ------------------------------------------------------------------------------------------------

TIMEOUTS = [
    TimeoutError,
    httpx.ReadTimeout,
    httpx.PoolTimeout,
    httpx2.ConnectTimeout,
    openai.APITimeoutError,
    anthropic.APITimeoutError,
    botocore.exceptions.ReadTimeoutError,
    botocore.exceptions.ConnectTimeoutError,
    azure.core.exceptions.ServiceRequestTimeoutError,
    azure.core.exceptions.ServiceResponseTimeoutError,
    aiohttp.ServerTimeoutError,
]
CONNECTIONS = [
    ConnectionError,
    ConnectionRefusedError,
    socket.gaierror,
    httpx.ConnectError,
    httpx2.ConnectError,
    openai.APIConnectionError,
    anthropic.APIConnectionError,
    botocore.exceptions.EndpointConnectionError,
    botocore.exceptions.ProxyConnectionError,
    azure.core.exceptions.ServiceRequestError,
    aiohttp.ClientConnectionError,
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorDNSError,
]
BROKEN = [
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    httpx.ReadError,
    httpx.RemoteProtocolError,
    httpx.StreamClosed,
    httpx2.ReadError,
    httpx2.StreamClosed,
    botocore.exceptions.IncompleteReadError,
    botocore.exceptions.ResponseStreamingError,
    botocore.exceptions.ConnectionClosedError,
    azure.core.exceptions.IncompleteReadError,
    azure.core.exceptions.ServiceResponseError,
    aiohttp.ClientPayloadError,
    aiohttp.ClientOSError,
    aiohttp.ServerDisconnectedError,
]
UNREADABLE = [json.JSONDecodeError, openai.APIResponseValidationError]
REFUSALS = [
    openai.APIError,
    anthropic.APIError,
    ollama.ResponseError,
    httpx.HTTPStatusError,
    httpx2.HTTPStatusError,
    botocore.exceptions.ClientError,
    botocore.exceptions.EventStreamError,
    azure.core.exceptions.HttpResponseError,
    google.genai.errors.APIError,
    google.api_core.exceptions.GoogleAPICallError,
    mistralai.models.MistralError,
    mistralai.models.SDKError,
]
OTHERS = [ValueError, AssertionError, OSError, PermissionError, httpx.InvalidURL, openai.OpenAIError, aiohttp.ClientError]


def bare(cls):
    """An exception of a class without what its client would put into it."""
    return cls.__new__(cls)


def full_name(cls):
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def named(classes):
    return pytest.mark.parametrize("cls", classes, ids=full_name)


@named(TIMEOUTS)
@pytest.mark.parametrize("begun", [{}, {"accepted": True}, {"chunk_seen": True}])
def test_a_timeout_is_one_at_any_time(cls, begun):
    failure = describe(bare(cls), **begun)
    assert (failure.error_type, failure.kind, failure.status_code) == ("timeout", "timeout", None)
    assert failure.exception_type == full_name(cls)


@pytest.mark.parametrize(
    ("classes", "at_once"), [(CONNECTIONS, "not_reached"), (BROKEN, "server_error")], ids=["not reached", "broken off"]
)
def test_a_connection_that_fails_before_and_after_the_answer_begins(classes, at_once):
    for begun, kind in (({}, at_once), ({"accepted": True}, "broken_stream"), ({"chunk_seen": True}, "broken_stream")):
        found = {full_name(cls): describe(bare(cls), **begun) for cls in classes}
        assert {name: failure.kind for name, failure in found.items()} == dict.fromkeys(found, kind)
        assert {failure.error_type for failure in found.values()} == {"connection_error"}
        assert {failure.status_code for failure in found.values()} == {None}
        assert all(failure.exception_type == name for name, failure in found.items())


@named(UNREADABLE)
def test_what_is_no_answer_of_the_dialect(cls):
    for begun, kind in (({}, "wrong_path"), ({"accepted": True}, "wrong_path"), ({"chunk_seen": True}, "broken_stream")):
        failure = describe(bare(cls), **begun)
        assert (failure.error_type, failure.kind, failure.status_code) == (full_name(cls), kind, None)


@named(REFUSALS)
def test_a_refusal_without_a_status_is_the_server_s_own_failure(cls):
    failure = describe(bare(cls))
    assert (failure.error_type, failure.kind, failure.status_code) == (full_name(cls), "server_error", None)


@named(OTHERS)
def test_what_neither_server_nor_network_did(cls):
    failure = describe(bare(cls))
    assert (failure.error_type, failure.kind, failure.status_code) == (full_name(cls), None, None)


@pytest.mark.parametrize("outer", [openai.APIConnectionError, anthropic.APIConnectionError])
@pytest.mark.parametrize(
    ("inner", "kind", "error_type"),
    [
        (httpx.ReadError, "server_error", "connection_error"),
        (httpx.ConnectError, "not_reached", "connection_error"),
        (httpx.ReadTimeout, "timeout", "timeout"),
        (ValueError, "not_reached", "connection_error"),
    ],
)
def test_a_client_s_connection_error_is_what_lies_below_it(outer, inner, kind, error_type):
    error = bare(outer)
    error.__cause__ = bare(inner)
    failure = describe(error)
    assert (failure.kind, failure.error_type, failure.exception_type) == (kind, error_type, full_name(outer))


# -- what a status and the words beside it say ------------------------------------------------------------------------------------------


def refused(status, words):
    request = httpx2.Request("POST", "http://127.0.0.1:8000/v1/chat/completions")
    return openai.APIStatusError(words, response=httpx2.Response(status, request=request), body=None)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, "no", "bad_request"),
        (400, "API key not valid. Please pass a valid API key.", "auth"),
        (400, "Incorrect API key provided", "auth"),
        (400, "The model `m` does not exist", "model_not_found"),
        (401, "no", "auth"),
        (401, "The model `m` does not exist", "auth"),
        (402, "no", "bad_request"),
        (403, "no", "auth"),
        (403, "The model `m` does not exist", "auth"),
        (404, "no", "wrong_path"),
        (404, "invalid api key", "wrong_path"),
        (408, "no", "timeout"),
        (413, "no", "bad_request"),
        (422, "no", "bad_request"),
        (422, "invalid model", "model_not_found"),
        (429, "no", "rate_limited"),
        (499, "no", "bad_request"),
        (500, "no", "server_error"),
        (500, "llama runner: loading model", "loading"),
        (500, "model 'm' not found", "server_error"),
        (502, "no", "server_error"),
        (502, "loading model", "server_error"),
        (503, "no", "overloaded"),
        (503, "loading model", "loading"),
        (504, "no", "timeout"),
        (529, "no", "overloaded"),
        (599, "no", "server_error"),
    ],
)
def test_each_status(status, words, kind):
    failure = describe(refused(status, words))
    assert (failure.kind, failure.error_type, failure.status_code) == (kind, str(status), status)


@pytest.mark.parametrize("status", [-1, 0, 200, 399, 600])
def test_a_number_that_is_no_failure_s_status_is_none(status):
    failure = describe(ollama.ResponseError("it broke", status))
    assert (failure.kind, failure.error_type, failure.status_code) == ("server_error", "ollama._types.ResponseError", None)


PLACES = {
    "status_code": lambda: ollama.ResponseError("slow down", 429),
    "code": lambda: google.genai.errors.ClientError(429, {"error": {"message": "slow down"}}),
    "the code of an enumeration": lambda: google.api_core.exceptions.TooManyRequests("slow down"),
    "response": lambda: httpx.HTTPStatusError("slow down", request=None, response=httpx.Response(429)),
    "botocore's response": lambda: botocore.exceptions.ClientError({"ResponseMetadata": {"HTTPStatusCode": 429}}, "Converse"),
    "Mistral's": lambda: mistralai.models.SDKError("slow down", httpx.Response(429), "slow down"),
}


@pytest.mark.parametrize("made", PLACES.values(), ids=PLACES)
def test_the_status_is_found_wherever_a_client_keeps_it(made):
    failure = describe(made())
    assert (failure.kind, failure.error_type, failure.status_code) == ("rate_limited", "429", 429)


WORDS = {
    "model_not_found": [
        "model 'm' not found",
        "the model m does not exist",
        "model m is not available here",
        "the deployment d: unknown",
        "there is no such model",
        "unknown model m",
        "invalid model m",
        "The provided model identifier is invalid.",
        "This model version has reached the end of its life.",
        "model_not_found",
        "{'type': 'not_found_error', 'message': 'model: claude-9'}",
        "It failed.\nThe model was not found",
    ],
    "loading": ["loading model", "model is loading", "The model is still loading", "m is currently loading", "warming up"],
    "rate_limited": ["rate limit", "rate_limit_exceeded", "RateLimit", "over your quota", "ThrottlingException", "Too many requests"],
    "overloaded": ["overloaded_error", "server busy", "at capacity", "too busy"],
    "auth": ["invalid key", "Incorrect API key", "API key not valid", "authentication", "Unauthorized", "unauthorised", "no permission"],
    "bad_request": [
        "context length",
        "context size",
        "invalid_request_error",
        "bad request",
        "BadRequest",
        "content filter",
        "content_filter",
    ],
    "server_error": ["", "it broke", "a model broke. It was not found why", "no model", "unknown"],
}


@pytest.mark.parametrize(("words", "kind"), [(words, kind) for kind, all_words in WORDS.items() for words in all_words])
def test_each_word_of_an_error_inside_a_stream(words, kind):
    request = httpx2.Request("POST", "http://127.0.0.1:8000/v1/chat/completions")
    failure = describe(openai.APIError(words, request, body=None), accepted=True, chunk_seen=True)
    assert (failure.kind, failure.error_type, failure.status_code) == (kind, "openai.APIError", None)


def test_words_are_cut_and_never_fail():
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    assert describe(ValueError("x" * 5000)).message == "x" * 1024
    assert describe(MuteError()).message == "(the exception has no readable message)"


def test_wrappers_of_semantic_kernel_are_looked_through():
    wrapped = ValueError("the cause")
    for _ in range(3):
        outer = ServiceResponseException("service failed to complete the prompt")
        outer.__cause__ = wrapped
        wrapped = outer
    assert str(true_cause(wrapped)) == "the cause"
    alone = ServiceResponseException("no cause")
    assert true_cause(alone) is alone
    application = RuntimeError("the application's own")
    application.__cause__ = ValueError("below")
    assert true_cause(application) is application
    circle = ServiceResponseException("a circle")
    circle.__cause__ = circle
    assert true_cause(circle) is circle
