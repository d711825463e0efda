"""Why a request was slow: its time cut into parts, by what the runtime told of them and what was measured around it.

Ollama's own API tells loading, prompt and generation, llama-server prompt and generation, both with the end of an answer and neither how
long the request waited. vLLM tells waiting, prompt and generation in spans of its own, where it sends these here, too. Ollama below `/v1`
and the clouds tell nothing of a single request: then only the first piece of a stream divides its time. Nothing is guessed: what nobody
told is a part of its own, with the reason in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.identity.model import OLLAMA, VLLM
from venom_otel.runtimes.names import label
from venom_otel.services.traces import walk
from venom_otel.store.mapping import KIND_CLIENT, TIMINGS, seconds
from venom_otel.store.protocol import RequestStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from venom_otel.services.traces import Step
    from venom_otel.store.protocol import RequestSummary, Span


class Part(StrEnum):
    """What a request's time went into, in the order of time as far as there is one."""

    RESENT = "resent"
    """Earlier tries of the application's own client, and its pauses between them."""
    QUEUE = "queue"
    LOAD = "load"
    PROMPT = "prompt"
    UNTIL_FIRST = "until_first_token"
    """Waiting, loading and reading the prompt together, where the runtime tells of none of them."""
    GENERATION = "generation"
    """By the runtime's word; where it does not tell, from a stream's first piece to its end."""
    OTHER = "other"
    """The network and the application: before the request was sent, and where the server had told all else."""
    UNKNOWN = "unknown"


TOLD: Final = (Part.QUEUE, Part.LOAD, Part.PROMPT, Part.GENERATION)
"""The parts that runtimes tell, in the order of `mapping.TIMINGS`."""

_OF_SERVER: Final = (semconv.VLLM_TIME_IN_QUEUE, None, semconv.VLLM_TIME_IN_PREFILL, semconv.VLLM_TIME_IN_DECODE)
"""The same of a server's own span inside the request."""

_OVERRUN: Final = 0.01
"""Share of the duration by which a server's clock may differ from the application's without a word."""
_ENOUGH: Final = {Part.QUEUE, Part.PROMPT, Part.GENERATION}
"""Who tells of all these has nothing to say of loading only where there was none."""
_NOTHING: Final = (None,) * len(TOLD)
_WORDS: Final = {Part.QUEUE: "waiting", Part.LOAD: "loading", Part.PROMPT: "the prompt", Part.GENERATION: "the generation"}


@dataclass(frozen=True, slots=True)
class Timing:
    """One request's time."""

    parts: Mapping[Part, int]
    """Nanoseconds, in the order of `Part`, only what is more than 0; together exactly the request's duration."""
    unknown: str
    """Which part nobody told and why, in words; "" where all is known."""
    tries: int
    """How often the application's client sent it; 0 where its HTTP calls were not recorded."""

    @property
    def divided(self) -> bool:
        """Whether anything is known of it besides how long it took."""
        return bool(self.parts.keys() - {Part.UNKNOWN, Part.OTHER})


def of_list(request: RequestSummary) -> Timing:
    """The time of a request by what the list keeps of it: without its HTTP calls, so without what its client sent again."""
    return _cut(request, (request.queue_ns, request.load_ns, request.prompt_ns, request.generation_ns), ())


def of_request(request: RequestSummary, steps: Sequence[Step]) -> Timing:
    """The time of a request.

    Args:
        request: the request.
        steps: trees of spans with its own span as a root, as `RequestDetail.steps`; without it as `of_list`.
    """
    own = next((step for step in steps if step.span.span_id == request.span_id), None)
    if own is None:
        return of_list(request)
    told = _told(own.span, TIMINGS)
    if told == _NOTHING:
        # The last of them: of a request that was sent again, that of the try that was answered.
        inside = sorted((step.span for step in walk(own.children)), key=lambda span: span.start_ns)
        told = next((found for span in reversed(inside) if (found := _told(span, _OF_SERVER)) != _NOTHING), _NOTHING)
    calls = sorted(
        child.span.start_ns
        for child in own.children
        if child.span.kind == KIND_CLIENT and not child.span.attributes.keys().isdisjoint((semconv.URL_FULL, semconv.HTTP_URL))
    )
    return _cut(request, told, [min(max(start - request.start_ns, 0), request.duration_ns) for start in calls])


def _told(span: Span, names: Sequence[str | None]) -> tuple[int | None, ...]:
    return tuple(seconds(span.attributes.get(name)) if name else None for name in names)


def _cut(request: RequestSummary, told: Sequence[int | None], calls: Sequence[int]) -> Timing:
    """Cut the duration; `calls` says when each HTTP call began, nanoseconds after the request did."""
    parts = dict.fromkeys(Part, 0)
    left = request.duration_ns

    def take(part: Part, ns: int) -> None:
        nonlocal left
        ns = min(max(ns, 0), left)
        parts[part] += ns
        left -= ns

    first = request.first_chunk_ns
    tries = [start for start in calls if first is None or start <= first]  # one after it belongs to the answer, whatever it is for
    if tries:
        take(Part.OTHER, tries[0])
        take(Part.RESENT, tries[-1] - tries[0])
    known = {part: ns for part, ns in zip(TOLD, told, strict=True) if ns is not None}
    overrun = sum(known.values()) - left
    for part, ns in known.items():
        take(part, ns)
    if known.keys() >= _ENOUGH:
        take(Part.OTHER, left)
    elif first is not None:
        after = request.duration_ns - first
        if Part.GENERATION in known:
            take(Part.OTHER, after - parts[Part.GENERATION])
        else:
            take(Part.GENERATION, after)
        take(Part.UNKNOWN if known.keys() - {Part.GENERATION} else Part.UNTIL_FIRST, left)
    take(Part.UNKNOWN, left)
    if overrun > request.duration_ns * _OVERRUN:
        words = f"{_who(request)} tells of more time than the request took; what it told is cut to that."
    elif parts[Part.UNKNOWN] or parts[Part.UNTIL_FIRST]:
        words = _unknown(request, known, first)
    else:
        words = ""
    return Timing({part: ns for part, ns in parts.items() if ns}, words, len(tries))


def _unknown(request: RequestSummary, known: Mapping[Part, int], first: int | None) -> str:
    """Why a part of it is not known."""
    who = _who(request)
    if known:
        missing = [_WORDS[part] for part in TOLD if part not in known and (part is not Part.GENERATION or first is None)]
        if missing == [_WORDS[Part.QUEUE]] or missing == [_WORDS[Part.QUEUE], _WORDS[Part.LOAD]]:
            return f"{who} does not tell how long a request waits for its turn; the way there and back is in it, too."
        return f"{who} does not tell of {' and '.join([', '.join(missing[:-1]), missing[-1]] if missing[1:] else missing)}."
    if request.status is not RequestStatus.COMPLETED and first is None:
        ended = "failed" if request.status is RequestStatus.FAILED else "was given up"
        return f"It {ended} before anything was told of its time."
    why = f"{who} does not tell what it did of a single request"
    if request.provider == OLLAMA and (request.endpoint or "").rstrip("/").endswith("/v1"):
        why = f"{who} tells its times through its own API alone, not below /v1"
    if request.provider == VLLM:
        why = f"{who} tells what it did of a single request in spans of its own alone (--otlp-traces-endpoint)"
    if first is not None:
        return f"{why}: until the first token it may have waited, loaded the model and read the prompt."
    return f"{why}, and the answer came whole; of a stream it would be known when the first token came."


def _who(request: RequestSummary) -> str:
    return "The server" if request.provider in (None, semconv.PROVIDER_UNKNOWN) else label(str(request.provider))
