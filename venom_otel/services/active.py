"""Which model is active: the one that should answer and, where another one answers in its place, which and why."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from venom_otel import semconv
from venom_otel.errors import SettingsError, StoreError
from venom_otel.identity.endpoint import parse
from venom_otel.instrumentation.server_words import server_words
from venom_otel.runtimes.friendly import friendly_name
from venom_otel.runtimes.model import Status
from venom_otel.runtimes.names import same_model
from venom_otel.services.figures import SECOND
from venom_otel.services.traces import walk
from venom_otel.store.protocol import RequestFilter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from venom_otel.health import Server
    from venom_otel.services.catalogue import Catalogue, Listing
    from venom_otel.services.history import History
    from venom_otel.services.model_list import InService, Provider
    from venom_otel.store.protocol import RequestSummary, Span

LATE_NS: Final = 30 * SECOND
"""After the end of a fallback nothing more is expected to arrive of its trace that would say why."""

_ROUTED: Final = f"{semconv.ROUTE} "
"""Begins the name of a routed call's own span; the model of its first service follows."""


@dataclass(frozen=True, slots=True)
class Instead:
    """Another model answers."""

    model: InService
    request: RequestSummary
    """The newest that it answered."""
    kind: str | None = None
    """Why the one that should have did not: one of semconv's `ERROR_KINDS`; None where nobody says."""
    words: str = ""
    """The same for people; empty where nobody says."""


@dataclass(frozen=True, slots=True)
class Active:
    """What is active."""

    model: InService | None = None
    """The one that should answer: the configured one; where none is, the first choice of a routed call that fell back, or else the one that
    answered last. None where there is nothing of all that."""
    configured: bool = False
    """Whether it is the configured one."""
    instead: Instead | None = None
    """None where it is the one that answers, or nobody has answered since it was chosen."""
    server: Server | None = None
    """That of `model`, where it is watched."""


class FirstChoice(NamedTuple):
    """The service that should have answered a routed call, as far as its spans say."""

    model: str = ""
    provider: str = ""
    endpoint: str = ""
    kind: str | None = None
    """Why it did not answer."""
    words: str = ""
    """The same, in its own words or the client's."""


class Configured(NamedTuple):
    """What is configured."""

    model: InService
    names: Collection[str]
    """All by which its server calls it."""


class Answer(NamedTuple):
    """The newest answer."""

    model: InService
    request: RequestSummary
    first: FirstChoice = FirstChoice()
    """Where it was a fallback."""
    instead_of: InService | None = None
    """The same as a model; None where that is not known."""


class ActiveModel:
    """Knows which model is active. To be asked in one event loop.

    Args:
        catalogue: knows what is configured, and who answered last.
        history: where the spans of a fallback are.
    """

    def __init__(self, catalogue: Catalogue, history: History) -> None:
        self._catalogue = catalogue
        self._history = history
        self._configured: str | None = None
        """As it was at the last look; None before the first."""
        self._outdated = 0
        """Answers up to this sequence number came before another model was configured."""
        self._place: tuple[str, str] = ("", "")
        """A configured model and its server: one that is offline tells of no models."""
        self._fallback: tuple[str, FirstChoice] = ("", FirstChoice())
        """The newest fallback by its request's id, and what its trace said."""

    async def now(self) -> Active:
        """What is active, by what is known; nobody is asked."""
        listing = await self._catalogue.now()
        servers = [server for provider in listing.providers for server in provider.servers]
        configured = None
        if listing.configured is not None:
            configured = Configured(await self._at_its_server(listing.configured, servers), _names(listing.configured, listing.providers))
        return decided(configured, await self._answer(listing), servers)

    async def _answer(self, listing: Listing) -> Answer | None:
        """The newest, if it came after the configured model was last changed: what another one answered before was as it should be."""
        request, model = listing.request, listing.configured.model if listing.configured is not None else ""
        if model and self._configured not in {None, model}:
            self._outdated = request.sequence if request is not None else 0
        self._configured = model
        if request is None or listing.answered is None or (model and request.sequence <= self._outdated):
            return None
        if not request.fallback:
            return Answer(listing.answered, request)
        first = await self._first_choice(request)
        instead_of = self._catalogue.placed(first.model, first.provider, first.endpoint) if first.model else None
        return Answer(listing.answered, request, first, instead_of)

    async def _at_its_server(self, configured: InService, servers: Sequence[Server]) -> InService:
        """The configured model at the server where it was, while that is offline and does not say what it has."""
        if configured.server is not None:
            self._place = (configured.model, configured.server)
        if configured.server is not None or configured.endpoint is not None:
            return configured
        model, name = self._place
        server = next((each for each in servers if each.runtime.name == name), None) if model == configured.model else None
        if server is not None:
            return self._catalogue.placed(configured.model, server.runtime.provider, server.runtime.endpoint.url)
        try:
            request = await self._history.answered_last(RequestFilter(model=configured.model))
        except StoreError:
            return configured
        if request is not None:
            before = self._catalogue.placed(configured.model, request.provider or "", request.endpoint or "")
            if before.server is not None:
                self._place = (configured.model, before.server)
                return before
        return configured

    async def _first_choice(self, answer: RequestSummary) -> FirstChoice:
        known, found = self._fallback
        late = time.time_ns() - answer.start_ns - answer.duration_ns > LATE_NS
        if known == answer.request_id and (found.kind is not None or late):
            return found
        try:
            trace = await self._history.trace(answer.trace_id)
        except StoreError:
            return FirstChoice()
        found = first_choice([step.span for step in walk(trace.steps)], answer.span_id)
        self._fallback = (answer.request_id, found)
        return found


def first_choice(spans: Iterable[Span], span_id: str) -> FirstChoice:
    """Who should have answered a routed call, and why it did not, by the spans of its trace that have come so far.

    Args:
        spans: those of the trace.
        span_id: the attempt that succeeded.
    """
    by_id = {span.span_id: span for span in spans}
    answered = by_id.get(span_id)
    if answered is None:
        return FirstChoice()
    beside = [span for span in by_id.values() if span.parent_span_id == answered.parent_span_id]
    first = next((span for span in beside if span.attributes.get(semconv.LLM_ROUTE_FALLBACK) is False), None)
    whole = by_id.get(answered.parent_span_id or "")
    reason = _said(whole, semconv.LLM_ROUTE_REASON)
    if first is not None:
        return FirstChoice(
            _said(first, semconv.LLM_MODEL),
            _said(first, semconv.LLM_PROVIDER),
            _said(first, semconv.LLM_ENDPOINT),
            reason or _said(first, semconv.LLM_ERROR_KIND) or None,
            server_words(first.status_message),
        )
    # It was passed over: known for an earlier failure, it was not asked.
    name = whole.name if whole is not None and whole.name.startswith(_ROUTED) else ""
    return FirstChoice(name.removeprefix(_ROUTED), kind=reason or None)


def decided(configured: Configured | None, answer: Answer | None, servers: Iterable[Server]) -> Active:
    """What is active.

    Args:
        configured: the model that is configured.
        answer: the newest answer that counts.
        servers: those that are watched.
    """
    fell_back = answer is not None and answer.request.fallback is True
    if configured is not None:
        meant: InService | None = configured.model
        another = answer is not None and not _same(configured, answer)
    else:
        another = answer is not None and fell_back and answer.instead_of is not None
        meant = answer and (answer.instead_of if another else answer.model)
    server = next((each for each in servers if meant is not None and each.runtime.name == meant.server), None)
    instead = None
    if answer is not None and another:
        kind = answer.first.kind if fell_back else None
        words = semconv.ERROR_KINDS.get(kind or "", answer.first.words)
        if not words and server is not None and server.condition.status is Status.OFFLINE:
            words = server.condition.cause or ""
        instead = Instead(answer.model, answer.request, kind, words)
    return Active(meant, configured is not None, instead, server)


def _same(configured: Configured, answer: Answer) -> bool:
    """Whether an answer is the configured model's."""
    meant, answered = configured.model, answer.model
    if meant.server is not None and answered.server is not None:
        here, there = meant.server, answered.server
    else:
        here, there = _server(meant.endpoint), _server(answered.endpoint)
    if here and there and here != there:
        return False
    told = [name for name in (answer.request.model, answer.request.response_model) if name]
    friendly = {friendly_name(name).casefold() for name in configured.names}
    return any(friendly_name(name).casefold() in friendly or any(same_model(name, one) for one in configured.names) for name in told)


def _names(configured: InService, providers: Sequence[Provider]) -> Collection[str]:
    """All names of the configured model."""
    listed = (name for provider in providers for model in provider.models if model.configured for name in model.names)
    return {configured.model, *listed}


def _server(url: str | None) -> str:
    try:
        return parse(url).server if url else ""
    except SettingsError:
        return ""


def _said(span: Span | None, name: str) -> str:
    value = span.attributes.get(name) if span is not None else None
    return value if isinstance(value, str) else ""
