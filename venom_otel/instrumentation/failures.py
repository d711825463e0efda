"""What a failed call means: one table over the exceptions of every client that Semantic Kernel's connectors use.

Exceptions are looked up by the names of their classes and packages, so that no client has to be importable. Which server was reached, and
what it refused, is read from its words: a missing model and a wrong path are both 404. The words are those of real servers (Ollama
0.17, vLLM 0.32, llama-server, llama-cpp-python 0.3, LiteLLM 1.106) and of OpenAI's, Anthropic's and Google's API references.
"""

from __future__ import annotations

import functools
import re
from typing import Final, NamedTuple, TypeGuard

from venom_otel import semconv

TIMEOUT: Final = "timeout"
CONNECTION: Final = "connection_error"
BROKEN: Final = "broken"
UNREADABLE: Final = "unreadable"
STATUS: Final = "status"

# package and class -> what it says; found along the MRO, so that the most derived row wins
_TABLE: Final[dict[str, str]] = {
    "builtins.TimeoutError": TIMEOUT,
    "httpx.TimeoutException": TIMEOUT,
    "httpx2.TimeoutException": TIMEOUT,
    "openai.APITimeoutError": TIMEOUT,
    "anthropic.APITimeoutError": TIMEOUT,
    "botocore.ReadTimeoutError": TIMEOUT,
    "botocore.ConnectTimeoutError": TIMEOUT,
    "azure.ServiceRequestTimeoutError": TIMEOUT,
    "azure.ServiceResponseTimeoutError": TIMEOUT,
    "aiohttp.ServerTimeoutError": TIMEOUT,
    "builtins.ConnectionError": CONNECTION,
    "socket.gaierror": CONNECTION,
    "httpx.ConnectError": CONNECTION,
    "httpx2.ConnectError": CONNECTION,
    "openai.APIConnectionError": CONNECTION,
    "anthropic.APIConnectionError": CONNECTION,
    "botocore.EndpointConnectionError": CONNECTION,
    "botocore.ConnectionError": CONNECTION,
    "azure.ServiceRequestError": CONNECTION,
    "aiohttp.ClientConnectionError": CONNECTION,
    "aiohttp.ClientConnectorError": CONNECTION,  # its base is the next
    "aiohttp.ClientOSError": BROKEN,
    "aiohttp.ServerDisconnectedError": BROKEN,
    "builtins.ConnectionResetError": BROKEN,  # by somebody: there is a server
    "builtins.ConnectionAbortedError": BROKEN,
    "builtins.BrokenPipeError": BROKEN,
    "httpx.TransportError": BROKEN,
    "httpx2.TransportError": BROKEN,
    "httpx.StreamError": BROKEN,
    "httpx2.StreamError": BROKEN,
    "botocore.IncompleteReadError": BROKEN,
    "botocore.ResponseStreamingError": BROKEN,
    "botocore.ConnectionClosedError": BROKEN,
    "azure.IncompleteReadError": BROKEN,
    "azure.ServiceResponseError": BROKEN,
    "aiohttp.ClientPayloadError": BROKEN,
    "json.JSONDecodeError": UNREADABLE,
    "openai.APIResponseValidationError": UNREADABLE,
    "openai.APIError": STATUS,
    "anthropic.APIError": STATUS,
    "ollama.ResponseError": STATUS,
    "httpx.HTTPStatusError": STATUS,
    "httpx2.HTTPStatusError": STATUS,
    "botocore.ClientError": STATUS,
    "botocore.EventStreamError": STATUS,
    "azure.HttpResponseError": STATUS,
    "google.APIError": STATUS,
    "google.GoogleAPICallError": STATUS,
    "mistralai.MistralError": STATUS,
    "mistralai.SDKError": STATUS,
}

_SENTENCE_END = re.compile(r"\.\s|\n")
"""A dot that no space follows belongs to a model's name, as in llama3.2."""
_NOT_THERE: Final = ("not found", "not exist", "is not available", "unknown")
_MODEL_MISSING = re.compile(
    r"(?:no such|unknown|invalid) model"
    r"|model identifier is invalid|model[^.\n]{0,40} end of its life"  # Bedrock
    r"|model_not_found|not_found_error[^\n]{0,60}model:",
    re.IGNORECASE,
)
_LOADING = re.compile(r"loading model|model is (?:still )?loading|is currently loading|warming up", re.IGNORECASE)
_RATE = re.compile(r"rate.?limit|quota|throttl|too many requests", re.IGNORECASE)
_BUSY = re.compile(r"overloaded|server busy|capacity|too busy", re.IGNORECASE)
_KEY = re.compile(r"(?:invalid|incorrect) (?:api )?key|api key not valid", re.IGNORECASE)
_AUTH = re.compile(rf"{_KEY.pattern}|authentication|unauthori[sz]ed|permission", re.IGNORECASE)
_BAD_REQUEST = re.compile(r"context (?:length|size)|invalid_request|bad ?request|content.?filter", re.IGNORECASE)

_BY_STATUS: Final[dict[int, str]] = {
    401: semconv.KIND_AUTH,
    403: semconv.KIND_AUTH,
    404: semconv.KIND_WRONG_PATH,
    408: semconv.KIND_TIMEOUT,
    429: semconv.KIND_RATE_LIMITED,
    503: semconv.KIND_OVERLOADED,
    504: semconv.KIND_TIMEOUT,
    529: semconv.KIND_OVERLOADED,  # Anthropic's own
}

MAX_MESSAGE_CHARS: Final = 1024


class Failure(NamedTuple):
    """A failed call in words that can be grouped, without a reference to the exception or its traceback."""

    error_type: str
    """For `error.type`: the HTTP status, "timeout", "connection_error", or the class of the true cause."""
    kind: str | None
    """For `llm.error.kind`, one of semconv.ERROR_KINDS; None where the failure is neither the server's nor the network's."""
    status_code: int | None
    exception_type: str
    message: str
    """The true cause's own words, cut to 1,024 characters."""
    stacktrace: str | None = None


def describe(error: BaseException, *, accepted: bool = False, chunk_seen: bool = False) -> Failure:
    """Say what an exception means.

    Args:
        error: what the connector raised; Semantic Kernel's wrappers are looked through.
        accepted: whether the server had begun to answer, with a status of success.
        chunk_seen: whether a chunk of the answer had come.
    """
    cause = true_cause(error)
    sort, name = _class(type(cause))
    if sort == CONNECTION and cause.__cause__ is not None:  # OpenAI's and Anthropic's clients hide a reply that broke off behind it
        sort = _class(type(cause.__cause__))[0] or sort
    message = _message(cause)
    reply_begun = accepted or chunk_seen
    if sort == TIMEOUT:
        return Failure("timeout", semconv.KIND_TIMEOUT, None, name, message)
    if sort == CONNECTION:
        kind = semconv.KIND_BROKEN_STREAM if reply_begun else semconv.KIND_NOT_REACHED
        return Failure(CONNECTION, kind, None, name, message)
    if sort == BROKEN:
        kind = semconv.KIND_BROKEN_STREAM if reply_begun else semconv.KIND_SERVER_ERROR
        return Failure(CONNECTION, kind, None, name, message)
    if sort == UNREADABLE:  # a 200 that is not the dialect's: some other server, or a proxy's page
        kind = semconv.KIND_BROKEN_STREAM if chunk_seen else semconv.KIND_WRONG_PATH
        return Failure(name, kind, None, name, message)
    status = _status(cause)
    if status is not None:
        return Failure(str(status), _kind_of_status(status, message), status, name, message)
    if sort == STATUS:  # an error event inside a stream that began with 200
        return Failure(name, _kind_of_words(message) or semconv.KIND_SERVER_ERROR, None, name, message)
    return Failure(name, None, None, name, message)


def true_cause(error: BaseException) -> BaseException:
    """The exception below Semantic Kernel's wrappers (`ServiceResponseException … from cause`)."""
    seen = 0
    while type(error).__module__.partition(".")[0] == "semantic_kernel" and error.__cause__ is not None and seen < 8:  # noqa: PLR2004
        error = error.__cause__
        seen += 1
    return error


_classes: dict[type, tuple[str | None, str]] = {}


def _class(cls: type[BaseException]) -> tuple[str | None, str]:
    """What a class of exceptions says by itself, if anything, and its full name; worked out once for each class."""
    known = _classes.get(cls)
    if known is None:
        name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
        rows = (f"{base.__module__.partition('.')[0]}.{base.__qualname__}" for base in cls.__mro__)
        known = _classes[cls] = next((_TABLE[row] for row in rows if row in _TABLE), None), name
    return known


def _status(error: BaseException) -> int | None:
    """The HTTP status, wherever the client keeps it; a number that is none (Ollama's -1 for an error inside a stream) is no status."""
    for name in ("status_code", "code"):
        if _is_status(value := getattr(error, name, None)):
            return int(value)
    reply = getattr(error, "response", None)
    botocore = reply.get("ResponseMetadata", {}) if isinstance(reply, dict) else {}
    value = getattr(reply, "status_code", botocore.get("HTTPStatusCode"))
    return int(value) if _is_status(value) else None


def _is_status(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and 400 <= value <= 599  # noqa: PLR2004


@functools.lru_cache(maxsize=128)  # a server that fails says the same words each time
def _kind_of_status(status: int, message: str) -> str:
    if status in (400, 404, 422) and _misses_model(message):
        return semconv.KIND_MODEL_NOT_FOUND
    if status == 400 and _KEY.search(message):  # noqa: PLR2004 - Google's answer to a wrong key
        return semconv.KIND_AUTH
    if status in (500, 503) and _LOADING.search(message):
        return semconv.KIND_LOADING
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return semconv.KIND_BAD_REQUEST if status < 500 else semconv.KIND_SERVER_ERROR  # noqa: PLR2004


def _misses_model(message: str) -> bool:
    """Whether a sentence names a model (Azure: a deployment) and then says that it is not there. Plain searches: ten times quicker."""
    for sentence in _SENTENCE_END.split(message.lower()):
        for noun in ("model", "deployment"):
            rest = sentence.partition(noun)[2]
            if rest and any(words in rest for words in _NOT_THERE):
                return True
    return _MODEL_MISSING.search(message) is not None


def _kind_of_words(message: str) -> str | None:
    if _misses_model(message):
        return semconv.KIND_MODEL_NOT_FOUND
    for pattern, kind in (
        (_LOADING, semconv.KIND_LOADING),
        (_RATE, semconv.KIND_RATE_LIMITED),
        (_BUSY, semconv.KIND_OVERLOADED),
        (_AUTH, semconv.KIND_AUTH),
        (_BAD_REQUEST, semconv.KIND_BAD_REQUEST),
    ):
        if pattern.search(message):
            return kind
    return None


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MAX_MESSAGE_CHARS]
    except Exception:  # an exception whose __str__ fails is still a failure to be told
        return "(the exception has no readable message)"
