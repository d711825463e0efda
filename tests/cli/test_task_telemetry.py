"""What tasks say of themselves on its way into the store: also through a store that refuses for a while, and whatever OTEL_* says."""

import asyncio
import logging
import threading
from concurrent.futures import Future

import pytest
from support.patience import WAIT_S

from venom_otel.cli.task_telemetry import TaskTelemetry
from venom_otel.errors import StoreFullError
from venom_otel.services.history import History
from venom_otel.services.tasks.telemetry import belonging_to
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import LogFilter, MetricFilter


class Task:
    """Hears of nothing but itself."""

    id = "9f86d081884c7d65"

    def began(self):
        pass


class Full:
    """A store that is full until it is not."""

    def __init__(self, store):
        self._store = store
        self.full = True
        self.refused = threading.Event()

    def write(self, signal, body):
        if not self.full:
            return self._store.write(signal, body)
        self.refused.set()
        future = Future()
        future.set_exception(StoreFullError("the disk is full"))
        return future


@pytest.fixture
def store(tmp_path):
    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as opened:
        yield opened


def record(telemetry, name="task"):
    """A span and a log line of a task; the trace id."""
    with belonging_to(Task()), telemetry.tracer_provider.get_tracer("t").start_as_current_span(name) as span:
        logging.getLogger("venom_otel.tasks").info("hello", extra={"llm_provider": "vllm", "llm_task_id": Task.id})
    return f"{span.get_span_context().trace_id:032x}"


async def test_spans_logs_and_metrics_are_stored_and_marked(store):
    telemetry = TaskTelemetry(store)
    with telemetry.recording():
        trace_id = record(telemetry)
        telemetry.meter_provider.get_meter("t").create_counter("things").add(3)
    (span,) = await store.trace(trace_id)
    assert (span.name, span.service, span.attributes) == ("task", "venom-otel", {"llm.task.id": Task.id})
    (log,) = (await store.logs(LogFilter(trace_id=trace_id), 10)).items
    assert (log.body, log.span_id, log.scope) == ("hello", span.span_id, "venom_otel.tasks")
    assert log.attributes == {"llm.task.id": Task.id, "llm.provider": "vllm"}
    assert [series.name for series in await store.metric_series(MetricFilter(), 10)] == ["things"]


async def test_the_providers_can_be_flushed_as_any(store):
    telemetry = TaskTelemetry(store)
    with telemetry.recording():
        trace_id = record(telemetry)
        assert telemetry.tracer_provider.force_flush()
        assert telemetry.logger_provider.force_flush()
        assert len(await store.trace(trace_id)) == 1
        assert len((await store.logs(LogFilter(trace_id=trace_id), 10)).items) == 1


async def test_what_a_full_disk_refuses_waits(store):
    full = Full(store)
    telemetry = TaskTelemetry(full)
    with telemetry.recording():
        trace_id = record(telemetry)
        assert not telemetry.tracer_provider.force_flush(500)
        assert full.refused.wait(WAIT_S)
        full.full = False
        with History(store).changes() as changes:
            async with asyncio.timeout(WAIT_S):
                while not await store.trace(trace_id):
                    await anext(changes)


@pytest.mark.parametrize("variables", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_SAMPLER": "always_off"}, {"OTEL_SERVICE_NAME": "mine"}])
async def test_whatever_is_said_of_what_is_sent(store, monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    telemetry = TaskTelemetry(store)
    with telemetry.recording():
        trace_id = record(telemetry)
    (span,) = await store.trace(trace_id)
    assert span.service == "venom-otel"


def test_loggers_are_as_they_were(store):
    names = ("venom_otel.tasks", "venom_otel.requests", "semantic_kernel")
    before = [(log.level, log.propagate, list(log.handlers)) for log in map(logging.getLogger, names)]
    with TaskTelemetry(store).recording():
        assert logging.getLogger("venom_otel.tasks").isEnabledFor(logging.INFO)
        assert not logging.getLogger("semantic_kernel").propagate
    assert [(log.level, log.propagate, list(log.handlers)) for log in map(logging.getLogger, names)] == before


def test_what_is_no_tasks_is_not_marked(store):
    telemetry = TaskTelemetry(store)
    with telemetry.recording(), telemetry.tracer_provider.get_tracer("t").start_as_current_span("other") as span:
        assert "llm.task.id" not in span.attributes
