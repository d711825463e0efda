"""Makes invocations and says what is known of them: the one place where spans, metrics, records, identity and settings meet."""

from __future__ import annotations

import functools
import time
import traceback
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import SpanKind, set_span_in_context

from venom_otel import semconv
from venom_otel.errors import SettingsError
from venom_otel.identity import endpoint as endpoints
from venom_otel.identity import marks
from venom_otel.identity.model import UNKNOWN, Identity, ReplyMarks
from venom_otel.instrumentation import content as contents_of
from venom_otel.instrumentation import credentials, guard, records
from venom_otel.instrumentation.http import HttpClients
from venom_otel.instrumentation.invocation import Invocation, current, who
from venom_otel.instrumentation.metrics import Instruments
from venom_otel.instrumentation.routed import RoutedCall
from venom_otel.instrumentation.semantic_kernel import connectors, replies
from venom_otel.instrumentation.semantic_kernel.scopes import IdentitySet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry._logs import Logger
    from opentelemetry.trace import Tracer
    from opentelemetry.util.types import AttributeValue

    from venom_otel.identity.model import Endpoint, Resolver
    from venom_otel.instrumentation.content import Capture
    from venom_otel.instrumentation.failures import Failure
    from venom_otel.instrumentation.pricing import PriceTable
    from venom_otel.instrumentation.sdk import Providers, Telemetry
    from venom_otel.settings import InstrumentationSettings


@dataclass(frozen=True, slots=True)
class _Sinks:
    """What providers give, fetched once."""

    providers: Providers
    tracer: Tracer
    instruments: Instruments
    logger: Logger


class Recorder:
    """Records round trips into one set of providers. Shared by every kernel that was instrumented with the same arguments."""

    read_reply = staticmethod(replies.read_reply)
    read_chunk = staticmethod(replies.read_chunk)

    def __init__(
        self,
        telemetry: Telemetry,
        resolver: Resolver,
        settings: InstrumentationSettings,
        prices: PriceTable | None,
        capture: Capture,
    ) -> None:
        self._telemetry = telemetry
        self._resolver = resolver
        self._settings = settings
        self._prices = prices
        self._capture = capture
        self._clients = HttpClients()
        self._routers = IdentitySet()
        self._sinks: _Sinks | None = None
        telemetry.before_exit(resolver.drain)

    # -- before and at the start of a call ------------------------------------------------------------------------------------------

    def introduce(self, service: Any) -> None:
        """Begin to ask who is behind a service, before its first call."""
        connector = connectors.of(service)
        for routed in connector.routes(service) if connector.routes is not None else ():
            self.introduce(routed)
        endpoint = self._endpoint(connector.endpoint_url(service))
        if endpoint is not None:
            self._resolver.start(endpoint, _headers(connector, service))

    def prepare(self) -> None:
        """Resolve the providers, as the first call does."""
        if self._sinks is None:
            self._resolve_sinks()

    def start(self, service: Any, history: Any, settings: Any, *, streaming: bool) -> Invocation | None:
        """Start a round trip; None where nothing is to be recorded (suppressed, or a mistake of ours)."""
        if not is_instrumentation_enabled():
            return None
        try:
            return self._start(service, history, settings, streaming=streaming)
        except Exception:
            guard.report("starting a span")
            return None

    def _start(self, service: Any, history: Any, settings: Any, *, streaming: bool) -> Invocation:
        sinks = self._sinks or self._resolve_sinks()
        connector = connectors.of(service)
        outer = current()
        route = outer if isinstance(outer, RoutedCall) and outer.tries(service) else None
        if connector.routes is not None:
            services = connector.routes(service)
            if id(service) not in self._routers:
                self._routers.add(service)
                self._begin_pairs(services, sinks.instruments)
            call = RoutedCall(self, service, services, sinks.instruments, streaming=streaming, settings=settings, outer=route)
            attributes = call.start_attributes()
            if route is not None:  # one routed service within another
                attributes.update(route.attempt_attributes())
            call.begin(sinks.tracer.start_span(f"{semconv.ROUTE} {call.model}", attributes=attributes))
            if route is not None:
                route.follow(call)
            return call
        endpoint = self._endpoint(connector.endpoint_url(service))
        service_id = service.service_id or None
        identity = self._identity(connector, service, endpoint, service_id)
        client = connector.http_client(service)
        if client is not None:
            self._clients.link(client, sinks.providers.tracer_provider, sinks.providers.meter_provider, spans=self._settings.http_spans)
        model = connector.request_model(service, settings)
        attributes = {
            semconv.GEN_AI_OPERATION_NAME: semconv.OPERATION_CHAT,
            semconv.GEN_AI_REQUEST_MODEL: model,
            semconv.LLM_MODEL: model,
            semconv.LLM_MODEL_NAME: model,
        }
        if identity is not None:  # samplers see what is set at the start
            attributes.update(who(identity))
        if endpoint is not None:
            attributes[semconv.LLM_ENDPOINT] = endpoint.url
            attributes[semconv.LLM_SERVER] = endpoint.server
            attributes[semconv.SERVER_ADDRESS] = endpoint.host
            attributes[semconv.SERVER_PORT] = endpoint.port
        if service_id is not None:
            attributes[semconv.LLM_SERVICE_ID] = service_id
        if streaming:
            attributes[semconv.GEN_AI_REQUEST_STREAM] = True
        if route is not None:
            attributes.update(route.attempt_attributes())
        attributes.update(connector.request_attributes(settings))
        content = None
        if self._capture is not contents_of.Capture.NONE:
            content = contents_of.Content()
            content.read_prompt(getattr(history, "messages", ()))
        invocation = Invocation(
            self,
            service,
            endpoint=endpoint,
            identity=identity,
            model=model,
            service_id=service_id,
            streaming=streaming,
            propagate=self._may_propagate(endpoint),
            settings=settings,
            content=content,
        )
        kind = SpanKind.INTERNAL if connector.in_process else SpanKind.CLIENT
        invocation.begin(sinks.tracer.start_span(f"{semconv.OPERATION_CHAT} {model}", kind=kind, attributes=attributes))
        if route is not None:
            route.follow(invocation)
        return invocation

    def _begin_pairs(self, services: Sequence[Any], instruments: Instruments) -> None:
        """Have the counter of fallbacks begin at 0 for each pair of services, as soon as it is known who is behind them."""
        providers: list[str | None] = [None] * len(services)

        def known(number: int, identity: Identity) -> None:
            providers[number] = identity.provider
            instruments.begin_pairs(providers)

        for number, service in enumerate(services):
            connector = connectors.of(service)
            endpoint = self._endpoint(connector.endpoint_url(service))
            if endpoint is None:
                known(number, self._identity(connector, service, None, service.service_id or None) or UNKNOWN)
            else:
                self._identity(connector, service, endpoint, service.service_id or None)  # with the service's own credentials
                self._resolver.when_known(endpoint, service.service_id or None, functools.partial(known, number))

    def provider_of(self, service: Any) -> str | None:
        """Who is behind a service, where that is known by now; asks its server where nobody has."""
        connector = connectors.of(service)
        identity = self._identity(connector, service, self._endpoint(connector.endpoint_url(service)), service.service_id or None)
        return identity.provider if identity is not None else None

    def _resolve_sinks(self) -> _Sinks:
        from venom_otel import __version__

        providers = self._telemetry.providers()
        self._sinks = _Sinks(
            providers,
            providers.tracer_provider.get_tracer(semconv.SCOPE, __version__, semconv.SCHEMA_URL),
            Instruments(providers.meter_provider.get_meter(semconv.SCOPE, __version__, semconv.SCHEMA_URL)),
            providers.logger_provider.get_logger(semconv.SCOPE, __version__, semconv.SCHEMA_URL),
        )
        return self._sinks

    def _identity(
        self, connector: connectors.Connector, service: Any, endpoint: Endpoint | None, service_id: str | None
    ) -> Identity | None:
        if endpoint is None:
            return self._resolver.configured(None, service_id) or connector.own_identity or UNKNOWN
        identity = self._resolver.known(endpoint, service_id)
        if identity is None:
            self._resolver.start(endpoint, _headers(connector, service))
        return identity

    def _endpoint(self, url: str | None) -> Endpoint | None:
        """The endpoint; None without a URL or with one that is no HTTP server's, which the call itself will find out."""
        if url is None:
            return None
        try:
            return endpoints.parse(url, self._settings.server_aliases)
        except SettingsError:
            return None

    def _may_propagate(self, endpoint: Endpoint | None) -> bool:
        where = self._settings.propagate_to
        return where == "all" or (where == "local" and endpoint is not None and endpoint.is_local)

    # -- at the end of a call -------------------------------------------------------------------------------------------------------

    def redact(self, invocation: Invocation, failure: Failure, error: BaseException) -> Failure:
        """Take keys out of a failure's words; adds the stack trace where the setting asks for it."""
        secrets = credentials.of_invocation(invocation)
        message = endpoints.redact(failure.message, secrets)
        if message != failure.message:
            failure = failure._replace(message=message)
        if self._settings.record_stacktrace:
            failure = failure._replace(stacktrace=endpoints.redact("".join(traceback.format_exception(error)), secrets))
        return failure

    def settle(self, invocation: Invocation, failure: Failure | None, complete: Callable[[Identity], None]) -> None:
        """Complete an ended invocation as soon as it is known who answered: at once where it is, else off the path within 2 s."""
        endpoint = invocation.endpoint
        if endpoint is None:
            complete(invocation.identity or UNKNOWN)
            return
        said = _marks(invocation, failure)
        if said is not None:
            self._resolver.observed(endpoint, said)
        elif failure is not None and failure.kind == semconv.KIND_NOT_REACHED:
            self._resolver.unreachable(endpoint)
        identity = self._resolver.known(endpoint, invocation.service_id)
        if identity is None:
            self._resolver.when_known(endpoint, invocation.service_id, lambda found: complete(marks.refine(found, said) if said else found))
        else:
            complete(marks.refine(identity, said) if said is not None else identity)

    def add_end_attributes(self, invocation: Invocation, identity: Identity, attributes: dict[str, AttributeValue]) -> None:
        """Add what settings ask for: the cost estimate and captured content."""
        facts = invocation.facts
        if self._prices is not None:
            cost = self._prices.cost(identity.provider, (facts.response_model, invocation.model), facts.input_tokens, facts.output_tokens)
            if cost is not None:
                attributes[semconv.LLM_COST] = cost
                attributes[semconv.LLM_COST_CURRENCY] = self._prices.currency
        if invocation.content is not None and self._capture.on_span:
            attributes.update({name: contents_of.as_json(messages) for name, messages in _messages(invocation.content).items()})

    def finished(
        self,
        invocation: Invocation,
        outcome: str,
        failure: Failure | None,
        *,
        duration_s: float,
        first_chunk_s: float | None,
        chunk_gaps_s: list[float],
        end_ns: int,
    ) -> None:
        """Record metrics, events and the log line of a completed round trip."""
        sinks = self._sinks
        assert sinks is not None
        facts = invocation.facts
        answered = records.who_answered(invocation)
        context = set_span_in_context(invocation.span)
        sinks.instruments.record(
            _metric_attributes(invocation, answered),
            _ending(invocation, outcome, failure),
            duration_s=duration_s,
            first_chunk_s=first_chunk_s,
            chunk_gaps_s=chunk_gaps_s,
            input_tokens=facts.input_tokens,
            output_tokens=facts.output_tokens,
            context=context,
        )
        if failure is not None:
            records.emit_exception(sinks.logger, invocation, failure, end_ns=end_ns, answered=answered, context=context)
        if invocation.content is not None and self._capture.on_event:
            records.emit_details(sinks.logger, invocation, _messages(invocation.content), end_ns)
        if self._settings.request_log:
            records.log_request(invocation, outcome, failure, duration_s)

    # -- the end of recording -------------------------------------------------------------------------------------------------------

    def flush(self, timeout_s: float) -> bool:
        """Bring out everything recorded so far; False where it took longer than `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        self._resolver.drain(timeout_s)
        return self._telemetry.flush(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Undo what recording put on clients, complete what is open and release the providers that are ours."""
        self._clients.unlink_all()
        self._resolver.close()
        self._telemetry.close()


def _headers(connector: connectors.Connector, service: Any) -> Callable[[], dict[str, str]]:
    """Gives a service's credentials for as long as the service lives; asking goes on for longer."""
    reference = weakref.ref(service)

    def headers() -> dict[str, str]:
        alive = reference()
        return connector.credential_headers(alive) if alive is not None else {}

    return headers


def _marks(invocation: Invocation, failure: Failure | None) -> ReplyMarks | None:
    """What the reply said of its server by the way; None where there was none."""
    response, invocation.response = invocation.response, None
    fingerprint = invocation.facts.system_fingerprint
    if response is not None:
        return marks.marks_of(response.headers.raw, fingerprint)
    return ReplyMarks(system_fingerprint=fingerprint) if failure is None else None


def _metric_attributes(invocation: Invocation, answered: dict[str, AttributeValue]) -> dict[str, AttributeValue]:
    attributes = answered.copy()
    if invocation.endpoint is not None:
        attributes[semconv.SERVER_ADDRESS] = invocation.endpoint.host
        attributes[semconv.SERVER_PORT] = invocation.endpoint.port
    if invocation.facts.response_model is not None:
        attributes[semconv.GEN_AI_RESPONSE_MODEL] = invocation.facts.response_model
    if invocation.fallback is not None:
        attributes[semconv.LLM_ROUTE_FALLBACK] = invocation.fallback
    return attributes


def _ending(invocation: Invocation, outcome: str, failure: Failure | None) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {semconv.LLM_OUTCOME: outcome}
    if failure is not None:
        attributes[semconv.ERROR_TYPE] = failure.error_type
        if failure.kind is not None:
            attributes[semconv.LLM_ERROR_KIND] = failure.kind
    if invocation.facts.cold_start is not None:
        attributes[semconv.LLM_COLD_START] = invocation.facts.cold_start
    if invocation.gave_way is not None:
        attributes[semconv.LLM_ROUTE_GAVE_WAY] = invocation.gave_way
    return attributes


def _messages(content: contents_of.Content) -> Mapping[str, list[dict[str, Any]]]:
    found = {semconv.GEN_AI_INPUT_MESSAGES: content.input, semconv.GEN_AI_OUTPUT_MESSAGES: content.answers()}
    return {semconv.GEN_AI_SYSTEM_INSTRUCTIONS: content.system, **found} if content.system else found
