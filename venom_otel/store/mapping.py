"""Which spans are requests to a model, and what their attributes say: one answer for every store.

A request is a CLIENT span, or an INTERNAL one for a model inside the process, that names a provider: by this package's `llm.provider`,
or by `gen_ai.provider.name` together with an operation that asks a model for an answer, as other instrumentations send it. The
deprecated `gen_ai.system` is not read: Semantic Kernel's own diagnostics still send it, around the very span that is already here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from venom_otel import semconv
from venom_otel.store.protocol import RequestStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from venom_otel.store.protocol import AttributeValue

KIND_INTERNAL: Final = 1
KIND_CLIENT: Final = 3
STATUS_ERROR: Final = 2
MAX_TEXT: Final = 500
"""Characters of a name that the list keeps; the span itself keeps all."""
NOT_ROUTED: Final = 0
FIRST_CHOICE: Final = 1
FALLBACK: Final = 2
FIRST_GAVE_WAY: Final = 3
FALLBACK_GAVE_WAY: Final = 4
NOT_TOLD: Final = 0
WARM: Final = 1
COLD: Final = 2
MAX_INT64: Final = 2**63 - 1

Hot = dict[str, Any]
"""The attributes the list needs, by name, each as `HOT` converts it; seconds have become nanoseconds."""


class Party(NamedTuple):
    """Who asked and who answered; "" where the span does not say."""

    service: str
    provider: str
    model: str
    response_model: str
    endpoint: str
    streaming: bool


class Ending(NamedTuple):
    """How a request ended, and what else it is told apart by; `error_kind` is "" where the span names none."""

    status: RequestStatus
    error_kind: str
    routed: int = NOT_ROUTED
    """Whether it was an attempt of a routed call: `FIRST_CHOICE`, or in the place of another server, `FALLBACK`; either may have failed and
    been followed by another: `FIRST_GAVE_WAY`, `FALLBACK_GAVE_WAY`."""
    cold: int = NOT_TOLD
    """Whether the runtime says that it loaded the model for this request: `COLD`, or had it in memory: `WARM`."""


def text(value: AttributeValue) -> str | None:
    """A name as the list shows it: never empty, at most `MAX_TEXT` characters; None for what is no name."""
    if isinstance(value, str):
        return value[:MAX_TEXT] or None
    return str(value) if isinstance(value, bool | int | float) else None


def count(value: AttributeValue) -> int | None:
    """A number of things, 0 or more; a whole number sent as a float counts too."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INT64 else None


def seconds(value: AttributeValue) -> int | None:
    """Seconds as nanoseconds; None for what is no duration."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return round(min(value * 1e9, MAX_INT64))


def flag(value: AttributeValue) -> bool | None:
    """A boolean, else None."""
    return value if isinstance(value, bool) else None


HOT: Final[Mapping[str, Callable[[AttributeValue], str | int | bool | None]]] = {
    semconv.LLM_PROVIDER: text,
    semconv.GEN_AI_PROVIDER_NAME: text,
    semconv.GEN_AI_OPERATION_NAME: text,
    semconv.LLM_MODEL: text,
    semconv.GEN_AI_REQUEST_MODEL: text,
    semconv.LLM_MODEL_NAME: text,
    semconv.GEN_AI_RESPONSE_MODEL: text,
    semconv.LLM_ENDPOINT: text,
    semconv.SERVER_ADDRESS: text,
    semconv.SERVER_PORT: count,
    semconv.GEN_AI_REQUEST_STREAM: flag,
    semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: seconds,
    semconv.LLM_TIMING_QUEUE: seconds,
    semconv.LLM_TIMING_LOAD: seconds,
    semconv.LLM_TIMING_PROMPT: seconds,
    semconv.LLM_TIMING_GENERATION: seconds,
    semconv.GEN_AI_USAGE_INPUT_TOKENS: count,
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS: count,
    semconv.LLM_OUTCOME: text,
    semconv.LLM_ERROR_KIND: text,
    semconv.LLM_ROUTE_FALLBACK: flag,
    semconv.LLM_ROUTE_GAVE_WAY: flag,
    semconv.LLM_COLD_START: flag,
    semconv.ERROR_TYPE: text,
    semconv.HTTP_RESPONSE_STATUS_CODE: text,
}
"""The attributes the list needs and how each is read; what its conversion turns into None counts as not said."""

TIMINGS: Final = (semconv.LLM_TIMING_QUEUE, semconv.LLM_TIMING_LOAD, semconv.LLM_TIMING_PROMPT, semconv.LLM_TIMING_GENERATION)
"""What a runtime tells of a request's time, in the order of it."""

MEASURED: Final = frozenset(
    {
        *TIMINGS,
        semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
        semconv.GEN_AI_USAGE_INPUT_TOKENS,
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS,
        semconv.ERROR_TYPE,
        semconv.HTTP_RESPONSE_STATUS_CODE,
    }
)
"""Those of `HOT` that are read for each request; the others say who and how it ended, and repeat from request to request."""

ERROR_TYPES: Final = (semconv.ERROR_TYPE, semconv.HTTP_RESPONSE_STATUS_CODE)
"""What says the type of a failed request's error: its type, else the status of the reply."""

_STATUS_OF_OUTCOME: Final[Mapping[str | None, RequestStatus]] = {
    semconv.OUTCOME_OK: RequestStatus.COMPLETED,
    semconv.OUTCOME_ERROR: RequestStatus.FAILED,
    semconv.OUTCOME_CANCELLED: RequestStatus.CANCELLED,
    semconv.OUTCOME_ABANDONED: RequestStatus.CANCELLED,
}


_ROUTED: Final[Mapping[tuple[bool | None, bool], int]] = {
    (None, False): NOT_ROUTED,
    (None, True): NOT_ROUTED,
    (False, False): FIRST_CHOICE,
    (True, False): FALLBACK,
    (False, True): FIRST_GAVE_WAY,
    (True, True): FALLBACK_GAVE_WAY,
}
_GAVE_WAY: Final = frozenset({FIRST_GAVE_WAY, FALLBACK_GAVE_WAY})
_COLD: Final[Mapping[bool | None, int]] = {None: NOT_TOLD, False: WARM, True: COLD}


def is_request(kind: int, hot: Hot) -> bool:
    """Whether a span of OTLP's `kind` with these attributes is a request to a model."""
    if kind not in (KIND_CLIENT, KIND_INTERNAL):
        return False
    if semconv.LLM_PROVIDER in hot:
        return True
    return semconv.GEN_AI_PROVIDER_NAME in hot and hot.get(semconv.GEN_AI_OPERATION_NAME) in semconv.INFERENCE_OPERATIONS


def party(service: str, hot: Hot) -> Party:
    """Who asked and who answered, this package's own names before the conventions'."""
    get = hot.get
    return Party(
        service,
        get(semconv.LLM_PROVIDER) or get(semconv.GEN_AI_PROVIDER_NAME) or "",
        get(semconv.LLM_MODEL) or get(semconv.GEN_AI_REQUEST_MODEL) or get(semconv.LLM_MODEL_NAME) or "",
        get(semconv.GEN_AI_RESPONSE_MODEL) or "",
        get(semconv.LLM_ENDPOINT) or _address(hot),
        get(semconv.GEN_AI_REQUEST_STREAM) is True or semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK in hot,
    )


def ending(status_code: int, hot: Hot) -> Ending:
    """How it ended: by `llm.outcome`, and by OTLP's status code where another instrumentation sent the span."""
    status = _STATUS_OF_OUTCOME.get(hot.get(semconv.LLM_OUTCOME))
    if status is None:
        status = RequestStatus.FAILED if status_code == STATUS_ERROR else RequestStatus.COMPLETED
    routed = _ROUTED[hot.get(semconv.LLM_ROUTE_FALLBACK), hot.get(semconv.LLM_ROUTE_GAVE_WAY) is True]
    cold = _COLD[hot.get(semconv.LLM_COLD_START)]
    return Ending(status, hot.get(semconv.LLM_ERROR_KIND, ""), routed, cold)


def falls_back(how: Ending) -> bool | None:
    """Whether it was in the place of another server; None where it was not routed."""
    return None if how.routed == NOT_ROUTED else how.routed in (FALLBACK, FALLBACK_GAVE_WAY)


def gave_way(how: Ending) -> bool | None:
    """Whether it failed and another server was asked after it; None where it was not routed."""
    return None if how.routed == NOT_ROUTED else how.routed in _GAVE_WAY


def _address(hot: Hot) -> str:
    """`host:port` from the stable conventions; some senders put a whole URL into the address."""
    address, port = hot.get(semconv.SERVER_ADDRESS, ""), hot.get(semconv.SERVER_PORT)
    return f"{address}:{port}" if address and port is not None and "://" not in address else address
