"""The SDK this process has from us: made once, because OpenTelemetry's globals can be set once, with what sends behind a switch.

The providers stay for as long as the process lives; what is attached to them while somebody uses them, and detached after the last
`release`, are the lanes: queues, exporters and their threads, as the environment then says. Detached, no span is sampled and nothing is
measured or sent. Resource, sampler and limits are read once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.util._importlib_metadata import entry_points

from venom_otel.instrumentation.sdk import attachment, environment, notice, program, pylogs
from venom_otel.instrumentation.sdk.attachment import Attachment
from venom_otel.instrumentation.sdk.lanes import LogSwitch, SpanSwitch, flush

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

CLOSE_TIMEOUT_S: Final = 2.0


class OwnedSdk:
    """Three providers and, while in use, what sends for them. `lock` guards what changes."""

    def __init__(self, lock: threading.RLock) -> None:
        resource = program.resource()
        self._lock = lock
        self.tracer_provider = TracerProvider(_installed_sampler(), resource, shutdown_on_exit=False)
        self._sampling = _SamplingSwitch(self.tracer_provider.sampler)
        self.tracer_provider.sampler = self._sampling
        self.meter_provider = MeterProvider(resource=resource, shutdown_on_exit=False)
        self.logger_provider = LoggerProvider(resource, shutdown_on_exit=False)
        self._spans, self._logs = SpanSwitch(), LogSwitch()
        self.tracer_provider.add_span_processor(self._spans)
        self.logger_provider.add_log_record_processor(self._logs)
        self._attached = Attachment()
        self._users = 0

    def use(self) -> None:
        """Attach what sends for the first user. Each `use` needs its `release`."""
        with self._lock:
            if self._users == 0:
                self._attach(attachment.from_environment())
                self._sampling.on = True
                if self._attached.logs:
                    pylogs.install(self.logger_provider)
            self._users += 1

    def release(self) -> None:
        """After the last user: detach, and send what waits, in `CLOSE_TIMEOUT_S` at most.

        A thread that is stuck in an export ends by itself with the exporter's time-out, 10 s unless ``OTEL_EXPORTER_OTLP_TIMEOUT`` says
        otherwise; nothing else stays.
        """
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        with self._lock:
            self._users -= 1
            if self._users:
                return
            pylogs.remove()
            self._sampling.on = False
            self._spans.lanes = self._logs.lanes = ()
            attached, self._attached = self._attached, Attachment()
        flush(attached.lanes, deadline)
        self._remove_readers(attached)
        attached.end(deadline)

    def flush(self, deadline: float) -> bool:
        """Send what waits, until `deadline` on the monotonic clock; whether all was taken."""
        return not flush(self._attached.lanes, deadline)

    def flush_at_exit(self, deadline: float) -> None:
        """Send what waits before the process ends, and say where it could not."""
        for where in flush(self._attached.lanes, deadline):
            notice.undelivered(where, "no answer before the program's end")

    def reattach_in_child(self, *, metrics: bool) -> None:
        """In a forked child: make anew what sends.

        The parent's threads are not here; what waits in its queues and was counted so far is the parent's to send; its connections must
        not be shared.

        Args:
            metrics: False where a lock of the SDK may be held by a thread that is not here: then the child sends no metrics.
        """
        if self._users:
            if metrics:
                self._remove_readers(self._attached)
            self._attach(attachment.from_environment(metrics=metrics))

    def _attach(self, attached: Attachment) -> None:
        for reader in attached.readers:
            self.meter_provider.add_metric_reader(reader)
        attached.start()
        self._attached = attached
        self._spans.lanes, self._logs.lanes = attached.spans, attached.logs

    def _remove_readers(self, attached: Attachment) -> None:
        for reader in attached.readers:
            self.meter_provider.remove_metric_reader(reader)


class _SamplingSwitch(Sampler):
    """Samples as the environment says while switched on, else nothing."""

    on = False

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def should_sample(  # noqa: PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Ask the sampler, or drop."""
        if self.on:
            return self._sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        return SamplingResult(Decision.DROP)

    def get_description(self) -> str:
        """Name the sampler behind."""
        return self._sampler.get_description()


def _installed_sampler() -> Sampler | None:
    """The sampler that ``OTEL_TRACES_SAMPLER`` names where a package brings it; None for those the SDK knows and reads by itself."""
    name = environment.text("OTEL_TRACES_SAMPLER")
    for entry_point in entry_points(group="opentelemetry_traces_sampler", name=name) if name else ():
        if not entry_point.value.startswith("opentelemetry.sdk."):
            sampler = entry_point.load()(environment.text("OTEL_TRACES_SAMPLER_ARG"))
            if isinstance(sampler, Sampler):
                return sampler
    return None
