"""What comes back to the program that sent it, among what others sent."""

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support import otlp

from venom_otel.receiver import IngestService
from venom_otel.receiver.returning import without
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import MetricFilter, Signal

OWN, OTHER = "0d7d9b9c-6f6c-4ad8-9a3f-3a4f0e1c2b11", "5b8f6a52-1f8e-4f2e-9d55-0c2ad2c0f0aa"
KINDS = {
    Signal.TRACES: (ExportTraceServiceRequest, "resource_spans"),
    Signal.METRICS: (ExportMetricsServiceRequest, "resource_metrics"),
    Signal.LOGS: (ExportLogsServiceRequest, "resource_logs"),
}


def request(signal, *instances):
    """An export request with a part of each instance."""
    kind, parts = KINDS[signal]
    made = kind()
    for instance in instances:
        attribute = getattr(made, parts).add().resource.attributes.add()
        attribute.key, attribute.value.string_value = "service.instance.id", instance
    return made.SerializeToString()


@pytest.mark.parametrize("signal", KINDS)
def test_what_others_sent_is_left(signal):
    assert without(OWN, signal, request(signal, OTHER, OWN, OTHER)) == request(signal, OTHER, OTHER)
    assert without(OWN, signal, request(signal, OWN, OWN)) is None


@pytest.mark.parametrize("signal", KINDS)
def test_what_is_others_alone_stays_as_it_came(signal):
    for body in (request(signal, OTHER), request(signal), b"\xff" + OWN.encode()):
        assert without(OWN, signal, body) is body


def test_an_id_that_stands_elsewhere_makes_nothing_ours():
    kind, _ = KINDS[Signal.LOGS]
    made = kind.FromString(request(Signal.LOGS, OTHER))
    made.resource_logs[0].scope_logs.add().log_records.add().body.string_value = f"the cockpit is {OWN}"
    body = made.SerializeToString()
    assert without(OWN, Signal.LOGS, body) is body


async def test_it_is_taken_and_not_stored_again(tmp_path):
    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store:
        service = IngestService(store, max_body_bytes=1 << 20, max_flight_bytes=1 << 20, own=OWN)
        made = ExportMetricsServiceRequest.FromString(otlp.metrics(1))
        attribute = made.resource_metrics[0].resource.attributes.add()
        attribute.key, attribute.value.string_value = "service.instance.id", OWN
        written = await service.accept(Signal.METRICS, made.SerializeToString())
        assert (written.items, written.rejected) == (0, 0)
        assert await store.metric_series(MetricFilter(), 10) == []
        attribute.value.string_value = OTHER
        assert (await service.accept(Signal.METRICS, made.SerializeToString())).items == 1
