"""Where imported requests go: into the store itself, or to the `venom-otel up` that writes it."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

import httpx
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from venom_otel.errors import PayloadError, StoreError
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from venom_otel.cli.running import Running
    from venom_otel.settings import CockpitSettings

_SENDERS: Final = 8
_TIMEOUT_S: Final = 60.0
_PATIENCE_S: Final = 60.0
"""How long one request is sent again where the receiver asks for it."""
_RETRY_S: Final = 1.0
_ANSWERS: Final[dict[Signal, tuple[Any, str]]] = {
    Signal.TRACES: (ExportTraceServiceResponse, "rejected_spans"),
    Signal.METRICS: (ExportMetricsServiceResponse, "rejected_data_points"),
    Signal.LOGS: (ExportLogsServiceResponse, "rejected_log_records"),
}


class Sink(Protocol):
    """Takes requests."""

    def submit(self, signal: Signal, raw: bytes) -> Future[Written]:
        """Store one serialized request; the future says what became of it, or fails with PayloadError or StoreError."""
        ...


@contextlib.contextmanager
def sink(settings: CockpitSettings, path: Path, running: Running | None) -> Iterator[Sink]:
    """Where to put requests for the store at `path`.

    Raises:
        StoreError: it can neither be written nor is anyone there who could.
    """
    if running is None:
        with EmbeddedStore.from_settings(path, settings) as store:
            yield _Local(store)
    else:
        with httpx.Client(base_url=running.otlp, timeout=_TIMEOUT_S, trust_env=False) as client, ThreadPoolExecutor(_SENDERS) as senders:
            yield _Remote(running.otlp, client, senders)


class _Local:
    """The store itself."""

    def __init__(self, store: EmbeddedStore) -> None:
        self.submit: Callable[[Signal, bytes], Future[Written]] = store.write


class _Remote:
    """The receiver of a running `venom-otel up`."""

    def __init__(self, url: str, client: httpx.Client, senders: ThreadPoolExecutor) -> None:
        self._url = url
        self._client = client
        self._senders = senders

    def submit(self, signal: Signal, raw: bytes) -> Future[Written]:
        """See `Sink.submit`."""
        return self._senders.submit(self._send, signal, raw)

    def _send(self, signal: Signal, raw: bytes) -> Written:
        give_up = time.monotonic() + _PATIENCE_S
        while True:
            try:
                reply = self._client.post(f"/v1/{signal}", content=raw, headers={"Content-Type": "application/x-protobuf"})
            except httpx.TransportError as error:
                raise StoreError(f"the venom-otel up at {self._url} no longer answers ({error}); what it did answer is stored") from None
            if reply.is_success:
                return _written(signal, reply.content)
            words = _words(reply)
            if reply.status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}:
                raise PayloadError(words)
            if reply.status_code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > give_up:
                raise StoreError(f"the venom-otel up at {self._url} does not store it: {words}")
            time.sleep(_RETRY_S)


def _written(signal: Signal, body: bytes) -> Written:
    answer, field = _ANSWERS[signal]
    partial = answer.FromString(body).partial_success
    return Written(0, getattr(partial, field), partial.error_message)


def _words(reply: httpx.Response) -> str:
    try:
        return Status.FromString(reply.content).message or f"HTTP {reply.status_code}"
    except DecodeError:
        return f"HTTP {reply.status_code}"
