"""Requests of some hours, told twice: as spans, and as the metrics that this package's own instruments make of them.

past = Past(begin_ns)
past.add(Request(minute=3, provider="ollama"))
with past.stored(folder) as store, past.counted(other_folder) as prometheus:
    ...
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from support import otlp
from support.prometheus_server import PrometheusServer

from venom_otel import semconv
from venom_otel.instrumentation.metrics import Instruments
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
_QUIET = 10
"""Minutes from one export to the next while nothing happens: the same again and again, which only takes time."""
_ENDS_IN = {"ok": 0, "error": 2}


@dataclass(frozen=True)
class Request:
    """One request; it begins and ends within its minute."""

    minute: int
    """After the begin of all."""
    provider: str | None = "ollama"
    """None where another instrumentation told of it, by the conventions' names alone."""
    model: str = "llama3.1:8b"
    answered_by: str | None = None
    service: str = "shop"
    duration_s: float = 0.5
    first_chunk_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    outcome: str = "ok"
    error_type: str | None = None
    error_kind: str | None = None
    fallback: bool | None = None
    gave_way: bool | None = None
    cold: bool | None = None

    def who(self) -> dict[str, Any]:
        """What its span and all its points say."""
        said: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.request.model": self.model}
        if self.provider is None:
            said |= {"gen_ai.provider.name": "aws.bedrock", "server.address": "bedrock", "server.port": 443}
        else:
            said |= {"llm.provider": self.provider, "gen_ai.provider.name": self.provider, "llm.model": self.model}
            said |= {"llm.endpoint": f"http://{self.provider}:1/v1", "server.address": self.provider, "server.port": 1}
        if self.answered_by is not None:
            said["gen_ai.response.model"] = self.answered_by
        if self.fallback is not None:
            said["llm.route.fallback"] = self.fallback
        return said

    def ending(self) -> dict[str, Any]:
        """What its span and its duration's point say besides."""
        said: dict[str, Any] = {} if self.provider is None else {"llm.outcome": self.outcome}
        told = {
            "error.type": self.error_type,
            "llm.error.kind": self.error_kind,
            "llm.cold_start": self.cold,
            "llm.route.gave_way": self.gave_way,
        }
        return said | {name: value for name, value in told.items() if value is not None}


class Past:
    """Requests that came one minute after the other.

    Args:
        begin_ns: when the first minute began; a whole one.
    """

    def __init__(self, begin_ns: int) -> None:
        assert begin_ns % MINUTE == 0
        self.begin_ns = begin_ns
        self.requests: list[Request] = []
        self.restarts: set[tuple[str, int]] = set()
        """Services, each with a minute before which it was started anew."""

    def add(self, *requests: Request) -> None:
        """More of them."""
        self.requests += requests

    @contextlib.contextmanager
    def stored(self, folder: Path, *, since: int = 0) -> Iterator[EmbeddedStore]:
        """An embedded store with their spans; only of those that began in the minute `since` or later."""
        with EmbeddedStore(folder / "telemetry.db", min_free_bytes=0) as store:
            for request in self.traces(since):
                store.write(Signal.TRACES, request).result()
            yield store

    @contextlib.contextmanager
    def counted(self, folder: Path, *, every: int = 1) -> Iterator[PrometheusServer]:
        """A Prometheus with their metrics, which were exported once in so many minutes."""
        with PrometheusServer(folder) as server:
            self.send(server.otlp, every=every)
            yield server

    def traces(self, since: int = 0) -> Iterator[bytes]:
        """Their spans from a minute on, a request to export for each service."""
        by_service: defaultdict[str, list[Span]] = defaultdict(list)
        for number, one in enumerate(sorted((one for one in self.requests if one.minute >= since), key=lambda one: one.minute)):
            measured = {
                "gen_ai.usage.input_tokens": one.input_tokens,
                "gen_ai.usage.output_tokens": one.output_tokens,
                "gen_ai.response.time_to_first_chunk": one.first_chunk_s,
            }
            by_service[one.service].append(
                otlp.span(
                    one.who() | one.ending() | {name: value for name, value in measured.items() if value is not None},
                    start_ns=self.begin_ns + one.minute * MINUTE + 1_000 * number,
                    duration_ns=round(one.duration_s * SECOND),
                    status=_ENDS_IN.get(one.outcome, 0),
                )
            )
        for service, spans in by_service.items():
            yield otlp.traces(*spans, service=service)

    def send(self, endpoint: str, minutes: int | None = None, *, every: int = 1) -> None:
        """Their metrics, as an application sends them that exports at the end of a minute.

        Args:
            endpoint: of OTLP over HTTP.
            minutes: how many are told of; all up to the last request where not said.
            every: exports at the end of each minute that is a multiple of it.
        """
        applications: dict[str, _Sender] = {}
        busy = {one.minute for one in self.requests}
        last = max(one.minute for one in self.requests) + 1 if minutes is None else minutes
        with httpx.Client(trust_env=False) as client:
            for minute in range(last):
                for service in sorted({one.service for one in self.requests}):
                    if service not in applications or (service, minute) in self.restarts:
                        applications[service] = _Sender(service, minute)
                    for one in self.requests:
                        if (one.service, one.minute) == (service, minute):
                            applications[service].record(one)
                    if (minute + 1) % every or (minute not in busy and minute % _QUIET):
                        continue
                    request = applications[service].points(self.begin_ns + (minute + 1) * MINUTE)
                    if request is not None:
                        headers = {"content-type": "application/x-protobuf"}
                        client.post(f"{endpoint}/v1/metrics", content=request.SerializeToString(), headers=headers).raise_for_status()


class _Sender:
    """An application's process."""

    def __init__(self, service: str, minute: int) -> None:
        self._reader = InMemoryMetricReader()
        resource = Resource({"service.name": service, "service.instance.id": f"{service}-{minute}"})
        self._instruments = Instruments(MeterProvider([self._reader], resource, shutdown_on_exit=False).get_meter(semconv.SCOPE))

    def record(self, one: Request) -> None:
        self._instruments.record(
            one.who(),
            one.ending(),
            duration_s=one.duration_s,
            first_chunk_s=one.first_chunk_s,
            chunk_gaps_s=None,
            input_tokens=one.input_tokens,
            output_tokens=one.output_tokens,
            context=Context(),
        )

    def points(self, at_ns: int) -> ExportMetricsServiceRequest | None:
        """What it has counted by then; None before its first request."""
        data = self._reader.get_metrics_data()
        if data is None:
            return None
        request = encode_metrics(data)
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in (*metric.histogram.data_points, *metric.sum.data_points):
                        point.time_unix_nano = at_ns
        return request


def minutes_ago(minutes: int) -> int:
    """The begin of a minute, in nanoseconds."""
    return (time.time_ns() // MINUTE - minutes) * MINUTE
