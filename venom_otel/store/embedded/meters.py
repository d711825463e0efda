"""Metrics requests into slim rows: which stream each point belongs to, and the point itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from venom_otel import semconv
from venom_otel.store.embedded import attributes, points
from venom_otel.store.embedded.spans import attributes_of
from venom_otel.store.embedded.streams import Stream, refusal
from venom_otel.store.mapping import text
from venom_otel.store.protocol import MetricKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    from venom_otel.store.embedded.decode import Decoded
    from venom_otel.store.embedded.streams import StreamBook

_TEMPORALITIES: Final = {
    AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA: "delta",
    AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE: "cumulative",
}
_MAX_REMEMBERED: Final = 65_536


class _Source(NamedTuple):
    """Whose points: one metric of one scope of one resource, as the request nests them."""

    resource: Resource
    scope: InstrumentationScope
    metric: Metric
    kind: MetricKind
    data: Any
    key: tuple[Any, ...]
    """By which it is told from other sources without decoding their attributes."""


class Meters:
    """Takes metrics requests apart; remembers streams from one request to the next."""

    def __init__(self, book: StreamBook) -> None:
        self._book = book
        self._digests: dict[tuple[Any, ...], bytes] = {}

    def take(self, decoded: Decoded) -> None:
        """Fill in the points of a request and the streams that they begin. Points for whose stream there is no room are rejected.

        Raises:
            DecodeError: the bytes are no metrics request.
        """
        request = ExportMetricsServiceRequest.FromString(decoded.raw)
        for source in _sources(request):
            refused = []
            for place, point in enumerate(source.data.data_points):
                digest = self._digest(source, point)
                admitted = self._book.admit(digest)
                if admitted is False:
                    refused.append(place)
                    continue
                row = points.row(source.kind, digest, point)
                if admitted and digest not in decoded.streams:
                    decoded.streams[digest] = _stream(source, point)._replace(bounds=row.bounds)
                decoded.points.append(row)
                decoded.note(row.time_ns)
            if refused:
                decoded.rejected += len(refused)
                decoded.reason = refusal(self._book.limit)
                for place in reversed(refused):
                    del source.data.data_points[place]
        if decoded.rejected:
            decoded.raw = request.SerializeToString()

    def _digest(self, source: _Source, point: Any) -> bytes:
        key = (*source.key, *sorted(pair.SerializeToString(deterministic=True) for pair in point.attributes))
        digest = self._digests.get(key)
        if digest is None:
            if len(self._digests) >= _MAX_REMEMBERED:
                self._digests.clear()
            digest = self._digests[key] = _stream(source, point).digest
        return digest


def _sources(request: ExportMetricsServiceRequest) -> Iterator[_Source]:
    for of_resource in request.resource_metrics:
        resource = of_resource.resource.SerializeToString(deterministic=True)
        for of_scope in of_resource.scope_metrics:
            scope = of_scope.scope.SerializeToString(deterministic=True)
            for metric in of_scope.metrics:
                field = metric.WhichOneof("data")
                if field is not None:
                    data = getattr(metric, field)
                    kind = MetricKind(field)
                    key = (resource, scope, metric.name, metric.unit, kind, *_properties(kind, data))
                    yield _Source(of_resource.resource, of_scope.scope, metric, kind, data, key)


def _properties(kind: MetricKind, data: Any) -> tuple[str | None, bool | None]:
    """Temporality, and whether a sum only grows; None where the kind has no such thing."""
    if kind in (MetricKind.GAUGE, MetricKind.SUMMARY):
        return None, None
    return _TEMPORALITIES.get(data.aggregation_temporality), data.is_monotonic if kind is MetricKind.SUM else None


def _stream(source: _Source, point: Any) -> Stream:
    resource = attributes_of(source.resource.attributes)
    temporality, monotonic = _properties(source.kind, source.data)
    return Stream(
        name=source.metric.name,
        kind=source.kind,
        unit=source.metric.unit,
        description=source.metric.description,
        temporality=temporality,
        monotonic=monotonic,
        service=text(resource.get(semconv.SERVICE_NAME)) or "",
        scope=source.scope.name,
        scope_version=source.scope.version,
        scope_attributes=attributes.dump(attributes_of(source.scope.attributes)),
        attributes=attributes.dump(attributes_of(point.attributes)),
        resource=attributes.dump(resource),
        bounds=None,
    )
