"""The HTTP call below a model round trip: its child span, the reply's headers and what leaves with the request.

On each client that a recorded service uses, and on no other, two things are put on the transport instance. Outside, the OpenTelemetry
instrumentation fitting the client's own type (httpx or httpx2) makes the child span. Inside it, `_observe` sees the request as it will
be sent and the reply's head as it comes: it takes trace headers off where they may not go and hands the reply to the current
invocation, which reads the server's marks from it and can close it when a consumer leaves a stream early.
"""

from __future__ import annotations

import functools
import threading
import weakref
from dataclasses import dataclass
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor

from venom_otel import semconv
from venom_otel.identity.redaction import redact
from venom_otel.instrumentation import guard
from venom_otel.instrumentation.invocation import current

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    Send = Callable[..., Awaitable[Any]]

METHOD: Final = "handle_async_request"
SYNC_METHOD: Final = "handle_request"
MARK: Final = "_is_instrumented_by_opentelemetry"
MARK_OURS: Final = "__venom_otel__"
BAGGAGE: Final = "baggage"
TRACE_HEADERS: Final = ("traceparent", "tracestate", BAGGAGE)
_INSTRUMENTORS: Final = {"httpx": HTTPXClientInstrumentor, "httpx2": HTTPX2ClientInstrumentor}


_lock = threading.Lock()
_claims: weakref.WeakKeyDictionary[Any, list[_Claim]] = weakref.WeakKeyDictionary()
"""For each client, who wants it linked; the first one's link is in place, and the next takes over when it leaves."""


class HttpClients:
    """The clients that one recorder has linked, or would link if another had not done so already."""

    def __init__(self) -> None:
        self._mine: weakref.WeakKeyDictionary[Any, _Claim] = weakref.WeakKeyDictionary()

    def link(self, client: Any, tracer_provider: TracerProvider, meter_provider: MeterProvider, *, spans: bool) -> None:
        """Link a client once; later calls cost one look-up. Clients of unknown types are left alone."""
        if client in self._mine:
            return
        with _lock:
            if client not in self._mine:
                claim = self._mine[client] = _Claim(tracer_provider, meter_provider, spans)
                claims = _claims.setdefault(client, [])
                claims.append(claim)
                if claims[0] is claim:
                    claim.link = _Link(client, claim)

    def unlink_all(self) -> None:
        """Take off everything that was put on, where nobody else needs it."""
        with _lock:
            for client, claim in list(self._mine.items()):
                claims = _claims.get(client, [])
                claims.remove(claim)
                if claim.link is not None:
                    claim.link.undo(client)
                    if claims:
                        claims[0].link = _Link(client, claims[0])
            self._mine.clear()


@dataclass(slots=True, eq=False)
class _Claim:
    """What one recorder wants of a client."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    spans: bool
    link: _Link | None = None


class _Link:
    """What is on a client, until `undo`."""

    def __init__(self, client: Any, claim: _Claim) -> None:
        self._undo = [undo for transport in _transports(client) if (undo := _put(transport)) is not None]
        self._instrumentor: Any = None
        instrumentor = _instrumentor(client)
        if not claim.spans or instrumentor is None:
            return
        if getattr(client, MARK, False) or instrumentor().is_instrumented_by_opentelemetry:
            return  # the application has HTTP spans of its own already
        instrumentor.instrument_client(client, tracer_provider=claim.tracer_provider, meter_provider=claim.meter_provider)
        self._instrumentor = instrumentor

    def undo(self, client: Any) -> None:
        if self._instrumentor is not None:
            self._instrumentor.uninstrument_client(client)
            client.__dict__.pop(MARK, None)  # the instrumentor leaves it behind
        for undo in self._undo:
            undo()


def _instrumentor(client: Any) -> Any:
    """The instrumentor of the library that the client is made of; vendors subclass its classes."""
    for cls in type(client).__mro__:
        found = _INSTRUMENTORS.get(cls.__module__.partition(".")[0])
        if found is not None:
            return found
    return None


def _put(transport: Any) -> Callable[[], None] | None:
    """Put `_observe` on a transport instance; returns what takes it off, or None where another client put it on already."""
    own = vars(transport).get(METHOD)
    if getattr(own, MARK_OURS, False):
        return None
    observer = _observe(getattr(transport, METHOD))
    setattr(transport, METHOD, observer)

    def undo() -> None:
        # The instrumentor forgets the asynchronous half of transports that have both, and leaves bound methods behind.
        now = vars(transport).get(METHOD)
        if now is observer or getattr(now, "__wrapped__", None) is observer:
            if own is not None:
                setattr(transport, METHOD, own)
            else:
                del vars(transport)[METHOD]
        for name in (METHOD, SYNC_METHOD):
            left = vars(transport).get(name)
            if type(left) is MethodType and left.__self__ is transport and left.__func__ is getattr(type(transport), name, None):
                del vars(transport)[name]

    return undo


def _transports(client: Any) -> list[Any]:
    """The client's transport and those of its proxies; private in httpx, and what OpenTelemetry's own instrumentation uses too."""
    found = [getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()]
    unique = {id(transport): transport for transport in found if hasattr(transport, METHOD) and hasattr(transport, "__dict__")}
    return list(unique.values())


def _hide_query(url: str) -> None:
    """Take the query off the child span's URL: keys go there by any name, and the instrumentation knows only a few of them."""
    span = trace.get_current_span()
    attributes = getattr(span, "attributes", None) or {}
    for name in (semconv.URL_FULL, semconv.HTTP_URL):
        if name in attributes:
            span.set_attribute(name, redact(url))


def _observe(send: Send) -> Send:
    @functools.wraps(send)
    async def handle_async_request(request: Any, *args: Any, **kwargs: Any) -> Any:
        invocation = None
        try:
            invocation = current()
            if invocation is not None:
                invocation.request = request
                invocation.response = None  # of an earlier try, which the client gave up
                for name in () if invocation.propagate else TRACE_HEADERS:
                    request.headers.pop(name, None)
                if invocation.endpoint is None or not invocation.endpoint.is_local:
                    request.headers.pop(BAGGAGE, None)  # the application's own words: never to a public host
                if request.url.query:
                    _hide_query(str(request.url))
        except Exception:
            guard.report("seeing to what leaves with a request")
        response = await send(request, *args, **kwargs)
        if invocation is not None:
            invocation.response = response
        return response

    setattr(handle_async_request, MARK_OURS, True)
    return handle_async_request
