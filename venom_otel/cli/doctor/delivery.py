"""Sends a span, a measurement and a log record the way an application would, says what became of each, and looks them up again.

The exporters are the real ones, made as the instrumentation makes them from the environment. What is sent is no request to a model, and is
recognised by its names.
"""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import set_span_in_context
from opentelemetry.util._importlib_metadata import entry_points

from venom_otel import semconv
from venom_otel.cli.client import Client
from venom_otel.cli.doctor.findings import broken, note, ok
from venom_otel.errors import CockpitError
from venom_otel.identity.redaction import redact
from venom_otel.instrumentation.sdk import environment, outlet, quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from venom_otel.cli.doctor.findings import Finding
    from venom_otel.cli.running import Running
    from venom_otel.instrumentation.sdk.environment import Address, Destination, Signal

SERVICE: Final = "venom-otel doctor"
"""`service.name` of what is sent."""

_KNOCK_S: Final = 3.0
_FOUND_S: Final = 10.0
_GRPC: Final = "otlp_proto_grpc"
_OTLP: Final = frozenset({"otlp_proto_http", _GRPC, "otlp_json_http"})
_NOT_INSTALLED: Final = "its exporter is not installed"
_NAMES: Final[dict[Signal, str]] = {"traces": "span", "metrics": "measurement", "logs": "log record"}
_HTTP_ANSWER: Final = re.compile(r"code: (\d{3}), reason: (.*)")
_GRPC_ANSWER: Final = re.compile(r"code: StatusCode\.(\w+)")


@dataclass(frozen=True, slots=True)
class Sample:
    """One of each signal, as exporters take it."""

    run: str
    """Tells this run's from others'."""
    made_at: datetime
    trace_id: str
    span_id: str
    batches: dict[Signal, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one."""

    signal: Signal
    destination: Destination
    taken: bool
    why: str
    """The exporter's own words where it was not taken."""


def check(running: Running | None) -> Iterator[Finding]:
    """Send one of each signal where the environment says.

    Args:
        running: the cockpit on this machine's data, if one runs: where it is the receiver, it is asked for what was sent.
    """
    if environment.sdk_disabled():
        yield note("nothing is sent, since OTEL_SDK_DISABLED says so")
        return
    sample = make_sample()
    wanted = [(signal, one) for signal in outlet.SIGNALS for one in environment.destinations(signal)]
    for signal, destination in wanted:
        if destination.exporter not in _OTLP:
            yield note(f"{signal} go to {destination.exporter} ({destination.asked_by}), which is not tried")
    with _listening() as heard, ThreadPoolExecutor(len(outlet.SIGNALS)) as pool:
        tries = [pool.submit(_send, signal, one, sample, heard) for signal, one in wanted if one.exporter in _OTLP]
        results = [one.result() for one in tries]
    yield from _said(results, running)
    ours = [sent for sent in results if sent.taken and running is not None and _is_ours(sent.destination.address, running)]
    if running is not None and ours:
        yield from _looked_up(running, sample, {sent.signal for sent in ours})
    elif any(sent.taken for sent in results):
        yield note("whether it is found again was not looked at: the receiver is not the `venom-otel up` of this machine's data")


def make_sample() -> Sample:
    """Make one of each signal."""
    run, made_at = secrets.token_hex(8), datetime.now(UTC)
    resource, attributes = Resource({semconv.SERVICE_NAME: SERVICE}), {semconv.DOCTOR_RUN: run}
    spans, records, metrics = InMemorySpanExporter(), InMemoryLogRecordExporter(), InMemoryMetricReader()  # type: ignore[no-untyped-call]
    tracers = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers = LoggerProvider(resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(records))
    meters = MeterProvider([metrics], resource, shutdown_on_exit=False)

    span = tracers.get_tracer(semconv.DOCTOR_SCOPE).start_span(semconv.DOCTOR_SPAN, attributes=attributes)
    loggers.get_logger(semconv.DOCTOR_SCOPE).emit(
        LogRecord(
            timestamp=time.time_ns(),
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body="venom-otel doctor looks whether log records arrive",
            event_name=semconv.DOCTOR_EVENT,
            attributes=attributes,
            context=set_span_in_context(span),
        )
    )
    meters.get_meter(semconv.DOCTOR_SCOPE).create_counter(semconv.DOCTOR_METRIC, unit="{run}").add(1)
    span.end()
    batches: dict[Signal, Any] = {
        "traces": spans.get_finished_spans(),
        "metrics": metrics.get_metrics_data(),
        "logs": records.get_finished_logs(),
    }
    for provider in (tracers, loggers, meters):
        provider.shutdown()
    context = span.get_span_context()
    return Sample(run, made_at, f"{context.trace_id:032x}", f"{context.span_id:016x}", batches)


def _send(signal: Signal, destination: Destination, sample: Sample, heard: _Listener) -> Sent:
    if not entry_points(group=f"opentelemetry_{signal}_exporter", name=destination.exporter):
        return Sent(signal, destination, taken=False, why=_NOT_INSTALLED)
    address = destination.address
    if address is not None and not outlet.is_proxied(address):
        try:
            socket.create_connection((address.host, address.port), _KNOCK_S).close()
        except OSError as error:
            return Sent(signal, destination, taken=False, why=f"cannot be reached ({error.strerror or error})")
    exporter = outlet.make_exporter(signal, destination)
    if exporter is None:
        return Sent(signal, destination, taken=False, why=heard.words())
    try:
        result = exporter.export(sample.batches[signal])
        return Sent(
            signal, destination, taken=getattr(result, "name", "") == "SUCCESS", why=heard.words() or "the exporter does not say why"
        )
    except Exception as error:  # an exporter's own mistake, as with an address it cannot use
        return Sent(signal, destination, taken=False, why=f"{type(error).__name__}: {error}")
    finally:
        exporter.shutdown()


def _said(results: list[Sent], running: Running | None) -> Iterator[Finding]:
    """A line for each, and one for all that failed alike."""
    alike: dict[tuple[str, str], list[Sent]] = {}
    for sent in results:
        if sent.taken:
            yield ok(f"a {_NAMES[sent.signal]} was sent and taken: {_where(sent)}")
        else:
            alike.setdefault((_where(sent), _in_short(redact(sent.why))), []).append(sent)
    for (where, why), failed in alike.items():
        names = [f"a {_NAMES[sent.signal]}" for sent in failed]
        listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
        yield broken(f"{listed} {'does' if len(names) == 1 else 'do'} not arrive at {where}: {why}", _mend(failed[0], running))


def _in_short(why: str) -> str:
    """The answer alone, which exporters wrap into a sentence for each signal."""
    if (http := _HTTP_ANSWER.search(why)) is not None:
        return f"HTTP {http[1]} {http[2]}".rstrip()
    if (grpc := _GRPC_ANSWER.search(why)) is not None:
        return f"gRPC {grpc[1]}"
    return why


def _where(sent: Sent) -> str:
    how = "gRPC" if sent.destination.exporter == _GRPC else "HTTP"
    return f"{sent.destination.address or sent.destination.asked_by} ({how})"


def _mend(sent: Sent, running: Running | None) -> str:
    if sent.why == _NOT_INSTALLED:
        package = environment.PACKAGES.get(sent.destination.exporter, "")
        return f"pip install {package}, or unset {sent.destination.asked_by.partition('=')[0]}"
    status = _HTTP_ANSWER.search(sent.why)
    match int(status[1]) if status else 0:
        case 401 | 403:
            return "the receiver wants credentials: OTEL_EXPORTER_OTLP_HEADERS=authorization=…"
        case 404 | 405:
            return "no OTLP receiver is at that path: OTEL_EXPORTER_OTLP_ENDPOINT must be its base URL"
        case 413 | 415 | 400:
            return "the receiver does not take such a message: is it an OTLP receiver, and of the right protocol?"
        case 429 | 503:
            return "the receiver is there and cannot store it: what it prints says why"
    if "cannot be reached" in sent.why:
        own = (running.otlp_grpc if sent.destination.exporter == _GRPC else running.otlp) if running is not None else None
        if own:
            return f"`venom-otel up` listens at {own}: set OTEL_EXPORTER_OTLP_ENDPOINT to that, here and for your application"
        return "start `venom-otel up` or a collector there, or set OTEL_EXPORTER_OTLP_ENDPOINT to where one is"
    return "is it an OTLP receiver, and of this protocol? OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf (port 4318) or grpc (port 4317)"


def _is_ours(address: Address | None, running: Running) -> bool:
    """Whether an address is the cockpit's receiver, by whichever name of this machine."""
    own = filter(None, (environment.address_of(url) for url in (running.otlp, running.otlp_grpc) if url))
    return address is not None and any(
        one.port == address.port and (one.host == address.host or (one.is_loopback and address.is_loopback)) for one in own
    )


def _looked_up(running: Running, sample: Sample, signals: set[Signal]) -> Iterator[Finding]:
    """Ask the cockpit for what was sent."""
    with Client(running.page) as client:

        def trace() -> dict[str, Any]:
            return client.get(f"/api/v1/history/traces/{sample.trace_id}", holding="steps")

        def spans() -> bool:
            return any(step["span_id"] == sample.span_id for step in trace()["steps"])

        def logs() -> bool:
            found = trace()
            records = [*found["logs"], *(record for step in found["steps"] for record in step["logs"])]
            return any(record["attributes"].get(semconv.DOCTOR_RUN) == sample.run for record in records)

        def metrics() -> bool:
            # No attribute tells the runs apart: each would be a series of its own, for ever.
            found = client.get("/api/v1/metrics", {"name": semconv.DOCTOR_METRIC, "service": SERVICE}, holding="items")["items"]
            return any(datetime.fromisoformat(series["newest"]) >= sample.made_at for series in found)

        for signal, is_found in (("traces", spans), ("metrics", metrics), ("logs", logs)):
            if signal in signals:
                yield _found_again(signal, is_found)


def _found_again(signal: Signal, is_found: Callable[[], bool]) -> Finding:
    name, deadline = _NAMES[signal], time.monotonic() + _FOUND_S
    why = ""
    while time.monotonic() < deadline:
        try:
            if is_found():
                return ok(f"the {name} is found again by the API: stored and readable")
        except CockpitError as error:
            why = f" ({error})"
        time.sleep(0.1)
    return broken(f"the {name} was taken, but the API does not find it{why}", "what `venom-otel up` prints may say why; please report it")


class _Listener(logging.Handler):
    """Keeps what exporters log, by the thread that does it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self._said[threading.get_ident()] = record.getMessage()  # the last word counts: retries come before it

    def words(self) -> str:
        """The last that was logged in this thread."""
        return self._said.get(threading.get_ident(), "")


@contextlib.contextmanager
def _listening() -> Iterator[_Listener]:
    """Hear what exporters and their making log, and let nobody else."""
    listener = _Listener()
    loggers = [logging.getLogger(name) for name in (*quiet.LOGGERS, "venom_otel")]
    before = [(one, one.propagate, one.handlers[:]) for one in loggers]
    for one in loggers:
        one.handlers, one.propagate = [listener], False
    try:
        yield listener
    finally:
        for one, propagate, handlers in before:
            one.handlers, one.propagate = handlers, propagate
