"""An OTLP/HTTP collector on a real socket, in threads of this process: what an exporter meets in a test.

    with OtlpSink() as sink:
        run(OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert sink.wait_for_spans(1)[0].name == "chat llama3.2"

What came is kept as the protocol's own messages. From the start the port is bound, so that nobody else gets it, but refuses: `listen`
opens it, and entering the context does so too unless the sink begins as `refuse`.
"""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, Self

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from support.patience import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.protobuf.message import Message
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

Mode = Literal["ok", "refuse", "hang", "busy", "slow", "reject"]
"""Answers 200; no listener; reads and never answers; 503 with Retry-After once for each path, then 200; 200 after `delay_s`; 400."""

_MESSAGES: dict[str, tuple[type[Message], type[Message]]] = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
    "/v1/logs": (ExportLogsServiceRequest, ExportLogsServiceResponse),
}
_DECODERS: dict[str | None, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}


@dataclass(frozen=True)
class Export:
    """One request that was answered with 200."""

    path: str
    headers: dict[str, str]
    message: Any


@dataclass(frozen=True)
class Item:
    """A span, metric or log record with the attributes of the resource it came under."""

    resource: dict[str, Any]
    scope: str
    data: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)

    @property
    def attributes(self) -> dict[str, Any]:
        """The item's own attributes."""
        return as_dict(self.data.attributes)


class OtlpSink:
    """See the module. `mode` may be changed at any time; requests already waiting are answered as it was."""

    def __init__(self, mode: Mode = "ok", delay_s: float = 0.5, port: int = 0) -> None:
        self.mode = mode
        self.delay_s = delay_s
        self.refused: list[str] = []
        """Paths that are none of a collector's and were answered with 404; a whole URL where this is taken for a proxy."""
        self._changed = threading.Condition()
        self._exports: list[Export] = []
        self._waiting = 0
        self._told_busy: set[str] = set()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _handler(self), bind_and_activate=False)
        self._server.server_bind()
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it is bound to."""
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        """The base URL, for OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    def listen(self, mode: Mode = "ok") -> None:
        """Begin to accept connections."""
        self.mode = mode
        self._server.server_activate()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go of the port and of everyone who waits for an answer."""
        self._closing.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        if self.mode != "refuse":
            self.listen(self.mode)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what came ------------------------------------------------------------------------------------------------------------------

    @property
    def exports(self) -> list[Export]:
        """Every request answered with 200, in the order in which it came."""
        with self._changed:
            return list(self._exports)

    @property
    def spans(self) -> list[Item]:
        """Every span."""
        return [
            Item(as_dict(group.resource.attributes), scope.scope.name, span)
            for message in self._of("/v1/traces")
            for group in message.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]

    @property
    def logs(self) -> list[Item]:
        """Every log record."""
        return [
            Item(as_dict(group.resource.attributes), scope.scope.name, record)
            for message in self._of("/v1/logs")
            for group in message.resource_logs
            for scope in group.scope_logs
            for record in scope.log_records
        ]

    @property
    def metrics(self) -> list[Item]:
        """Every metric of every export."""
        return [
            Item(as_dict(group.resource.attributes), scope.scope.name, metric)
            for message in self._of("/v1/metrics")
            for group in message.resource_metrics
            for scope in group.scope_metrics
            for metric in scope.metrics
        ]

    def _of(self, path: str) -> list[Any]:
        return [export.message for export in self.exports if export.path == path]

    def wait_for(self, condition: Callable[[OtlpSink], Any], timeout_s: float = WAIT_S) -> Any:
        """Wait until a condition on the sink holds and give back its value; raises AssertionError after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        while not (value := condition(self)):
            with self._changed:
                left = deadline - time.monotonic()
                if left <= 0:
                    paths = [export.path for export in self._exports]
                    raise AssertionError(f"not within {timeout_s} s; {self._waiting} requests wait, answered were {paths}")
                self._changed.wait(min(left, 0.1))
        return value

    def wait_for_spans(self, count: int) -> list[Item]:
        """Wait for so many spans at least."""
        return self.wait_for(lambda sink: len(sink.spans) >= count and sink.spans)

    def wait_for_request(self) -> None:
        """Wait until a request waits for its answer."""
        self.wait_for(lambda sink: sink._waiting)

    # -- from the handler's threads ---------------------------------------------------------------------------------------------------

    def _received(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        with self._changed:
            mode = self.mode  # as it is when a test hears of the request
            self._waiting += 1
            self._changed.notify_all()
        try:
            if mode == "hang":
                self._closing.wait()
            elif mode == "slow":
                self._closing.wait(self.delay_s)
        finally:
            with self._changed:
                self._waiting -= 1
        if mode == "reject":
            return 400, b""
        path = handler.path
        if path not in _MESSAGES:
            self.refused.append(path)
            return 404, b""
        if mode == "busy" and path not in self._told_busy:
            self._told_busy.add(path)
            return 503, b""
        request, response = _MESSAGES[path]
        message = request.FromString(_DECODERS[handler.headers.get("content-encoding")](body))
        with self._changed:
            self._exports.append(Export(path, {name.lower(): value for name, value in handler.headers.items()}, message))
            self._changed.notify_all()
        return 200, response().SerializeToString()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that left; a mistake in here shows as an export that did not come."""


def _handler(sink: OtlpSink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, reply = sink._received(self, body)
            if sink._closing.is_set():
                self.close_connection = True
                return
            self.send_response(status)
            if status == 503:
                self.send_header("Retry-After", "1")
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def as_dict(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """OTLP attributes as plain values."""
    return {attribute.key: _plain(attribute.value) for attribute in attributes}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
