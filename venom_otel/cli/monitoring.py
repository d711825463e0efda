"""What the monitor measures, on its way: into the store of this process, and by OTLP to where the environment says.

Both collect in a thread of their own, every so often and at once when a state changes; neither waits for an event loop, and nothing here
makes a span.
"""

from __future__ import annotations

import contextlib
import functools
import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.resources import Resource

from venom_otel import semconv
from venom_otel.cli.stored import END_S, MetricsToStore
from venom_otel.errors import SettingsError
from venom_otel.health import Monitor
from venom_otel.health.active import ActiveModels
from venom_otel.health.metrics import HealthMetrics
from venom_otel.instrumentation.sdk import attachment, environment
from venom_otel.instrumentation.sdk.attachment import Attachment
from venom_otel.runtimes.finding import configured, find
from venom_otel.runtimes.friendly import friendly_name
from venom_otel.runtimes.reading import read
from venom_otel.settings import InstrumentationSettings, RuntimeSettings, load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from venom_otel.health import Look
    from venom_otel.instrumentation.sdk.courier import Courier
    from venom_otel.runtimes.model import Reading, Runtime
    from venom_otel.settings import CockpitSettings
    from venom_otel.store.protocol import TelemetryStore

INTERVAL_S: Final = 15.0
"""Between two points of a series, unless ``OTEL_METRIC_EXPORT_INTERVAL`` says otherwise."""


class Watched:
    """The settings of what is watched.

    Raises:
        SettingsError: a variable cannot be used.
    """

    def __init__(self, settings: CockpitSettings) -> None:
        self._settings = load(RuntimeSettings)
        self._aliases = load(InstrumentationSettings).server_aliases
        configured(self._settings, aliases=self._aliases)  # said now, not once the search begins
        self._interval_s = settings.probe_interval_s

    @property
    def runtimes(self) -> RuntimeSettings:
        """Which servers there are, and the commands for them."""
        return self._settings

    @property
    def aliases(self) -> str:
        """The setting `VENOM_OTEL_SERVER_ALIASES`."""
        return self._aliases

    def monitor(self, read: Callable[[Runtime], Awaitable[Reading]] = read, meant: Callable[[Runtime], bool] = lambda _: False) -> Monitor:
        """What watches them; to be entered.

        Args:
            read: one look.
            meant: whether a server that has just gone offline was told to.
        """
        finding = functools.partial(find, self._settings, aliases=self._aliases)
        return Monitor(finding, interval_s=self._interval_s, read=read, meant=meant)

    def active(
        self,
        answered: Callable[[], tuple[str, str, str] | None] = lambda: None,
        configured: Callable[[], tuple[str, str]] | None = None,
    ) -> ActiveModels:
        """The models in use; `configured` where that may change, else as the settings say."""
        settings = self._settings
        configured = configured or (lambda: (settings.llm_model_name, settings.llm_local_endpoint))
        return ActiveModels(configured, answered, friendly_name=friendly_name, aliases=self._aliases)


@contextlib.contextmanager
def into(
    store: TelemetryStore, monitor: Monitor, active: ActiveModels, *, instance: str = "", sending: Attachment | None = None
) -> Iterator[None]:
    """Store what `monitor` measures, while the context lasts, as the receiver stores what comes by OTLP.

    Args:
        store: where to.
        monitor: what is measured.
        active: which models are in use.
        instance: the `service.instance.id` of this process; empty for one of its own.
        sending: what sends the same elsewhere, not started; None for nothing.
    """
    metrics = MetricsToStore("monitor-metrics", store, INTERVAL_S)
    sending = sending or Attachment()
    provider = _provider([metrics.reader, *sending.readers], instance)
    provider._disabled = False  # noqa: SLF001 - OTEL_SDK_DISABLED is about what is sent, and this is not
    couriers = [metrics.lane.courier, *(lane.courier for lane in sending.metrics)]
    metrics.lane.courier.start()
    sending.start()
    with _measured(provider, monitor, active, couriers):
        try:
            yield
        finally:
            deadline = time.monotonic() + END_S
            _wait(couriers, deadline)
            metrics.lane.courier.stop()
            sending.end(deadline)
            metrics.lane.courier.join(deadline)


@contextlib.contextmanager
def sent(monitor: Monitor, active: ActiveModels) -> Iterator[None]:
    """Send what `monitor` measures, while the context lasts, to where ``OTEL_EXPORTER_OTLP_ENDPOINT`` and its like say.

    Raises:
        SettingsError: they say that nothing is to be sent.
    """
    if environment.sdk_disabled():
        raise SettingsError("OTEL_SDK_DISABLED=true switches off what the monitor is there to send; unset it.")
    attached = attachment.metrics_from_environment(INTERVAL_S)
    if not attached.readers:
        raise SettingsError("OTEL_METRICS_EXPORTER leaves nowhere to send metrics to; otlp is one that does.")
    provider = _provider(attached.readers)
    attached.start()
    couriers = [lane.courier for lane in attached.metrics]
    with _measured(provider, monitor, active, couriers):
        try:
            yield
        finally:
            deadline = time.monotonic() + END_S
            _wait(couriers, deadline)
            attached.end(deadline)


def _wait(couriers: list[Courier], deadline: float) -> None:
    """Until all have delivered what there is, at once."""
    for courier, ticket in [(courier, courier.ask()) for courier in couriers]:
        courier.wait(ticket, deadline)


@contextlib.contextmanager
def _measured(provider: MeterProvider, monitor: Monitor, active: ActiveModels, couriers: list[Courier]) -> Iterator[None]:
    def looked(look: Look) -> None:
        if look.changed:
            for courier in couriers:
                courier.wake()

    metrics = HealthMetrics(provider, monitor, active)  # first, so that what is collected knows of the change
    unsubscribe = monitor.subscribe(looked)
    try:
        yield
    finally:
        unsubscribe()
        metrics.close()


def _provider(readers: list[Any], instance: str = "") -> MeterProvider:
    own = {semconv.SERVICE_INSTANCE_ID: instance} if instance else {}
    resource = Resource.create({semconv.SERVICE_NAME: semconv.MONITOR_SERVICE, **own})
    return MeterProvider(readers, resource, AlwaysOffExemplarFilter(), shutdown_on_exit=False)
