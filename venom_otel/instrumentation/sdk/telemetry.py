"""Which providers telemetry goes to, resolved when the first call is made, and what undoing means.

1. Where `instrument()` was given a provider for any signal, that provider is used, and for the other signals the application's globals,
   set or not. Our own SDK never joins in: who names one destination does not expect half of the telemetry at another.
2. Else, where the application has configured any of OpenTelemetry's globals by the first call, all three are taken from there.
3. Else, unless ``OTEL_SDK_DISABLED=true``, an SDK of our own is set up and made the globals, so that Semantic Kernel's own function spans
   flow too. An application that configures OpenTelemetry after its first call comes too late: the globals can be set once.

Providers of the application are never flushed or shut down: their `force_flush` ignores its time-out and their end is the application's.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider, set_logger_provider

from venom_otel.instrumentation import guard
from venom_otel.instrumentation.sdk import environment, notice
from venom_otel.instrumentation.sdk.forking import ForkHooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from venom_otel.instrumentation.sdk.owned import OwnedSdk

EXIT_TIMEOUT_S: Final = 2.0
"""The most by which the end of a program is delayed."""


@dataclass(frozen=True, slots=True)
class Providers:
    """Where spans, measurements and log records go."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider
    owned: bool
    """Whether they are of our own making."""


_lock: Final = threading.RLock()
"""Held while providers are resolved, and by whoever forks."""
_sdk: OwnedSdk | None = None
_open: set[Telemetry] = set()
_hooks: ForkHooks | None = None
_leaving = False
_leave_by: float | None = None


class Telemetry:
    """The providers of one `instrument()`; each argument is a provider it was given. Safe to share between threads."""

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self._given = (tracer_provider, meter_provider, logger_provider)
        self._providers: Providers | None = None
        self._finish: Callable[[float], object] | None = None
        self._closed = False
        _watch_forks()
        if self._may_own():
            _preload()

    def providers(self) -> Providers:
        """The providers, resolved at the first use and the same object ever after. Never raises for what the environment says."""
        found = self._providers
        return found if found is not None else self._resolve()

    def before_exit(self, finish: Callable[[float], object]) -> None:
        """Let `finish` complete what is still open, before the process ends and what waits is sent.

        Args:
            finish: is given the seconds it may take, 1 at most.
        """
        self._finish = finish

    def complete(self, timeout_s: float) -> None:
        """Complete what is still open, before the process ends."""
        if self._finish is not None:
            try:
                self._finish(timeout_s)
            except Exception:
                guard.report("completing what is open at exit")

    def flush(self, timeout_s: float) -> bool:
        """Send what waits in queues of ours; False where it could not be delivered within `timeout_s` seconds."""
        providers = self._providers
        if providers is None or not providers.owned or _sdk is None:
            return True
        return _sdk.flush(time.monotonic() + timeout_s)

    def close(self) -> None:
        """Let go of what is ours: after the last user it is flushed, in 2 s at most, and detached. Does nothing the second time."""
        with _lock:
            if self._closed:
                return
            self._closed = True
            _open.discard(self)
            providers = self._providers
        if providers is not None and providers.owned and _sdk is not None:
            _sdk.release()

    def _resolve(self) -> Providers:
        with _lock:
            if self._providers is None:
                self._providers = self._choose()
                if not self._closed:
                    _open.add(self)
                    _watch_exit()
            return self._providers

    def _may_own(self) -> bool:
        return self._given == (None, None, None) and not environment.sdk_disabled() and not _application_configured()

    def _choose(self) -> Providers:
        if not self._closed and self._may_own():
            try:
                return _own_providers()
            except ValueError as error:  # how the SDK, too, refuses what a variable says
                notice.once(notice.UNCONFIGURED, "venom_otel: nothing is sent: OpenTelemetry cannot be set up: %s", error)
            except Exception:
                guard.report("setting up OpenTelemetry")
        tracer_provider, meter_provider, logger_provider = self._given
        return Providers(
            trace.get_tracer_provider() if tracer_provider is None else tracer_provider,
            metrics.get_meter_provider() if meter_provider is None else meter_provider,
            get_logger_provider() if logger_provider is None else logger_provider,
            owned=False,
        )


def _preload() -> None:
    """Import what an SDK of our own would need, some 250 ms of it, so that no call waits for that."""
    with contextlib.suppress(ValueError):  # a variable the SDK refuses, already when it is imported; said when it is really needed
        from venom_otel.instrumentation.sdk import leaving, outlet, owned  # noqa: F401

        outlet.preload()


def _own_providers() -> Providers:
    """Raises ValueError: a variable cannot be used."""
    global _sdk  # noqa: PLW0603 - one set of globals in a process
    if environment.text("OTEL_CONFIG_FILE"):
        raise ValueError("OTEL_CONFIG_FILE is set, which only the application or opentelemetry-instrument can read")
    from venom_otel.instrumentation.sdk.owned import OwnedSdk

    sdk = _sdk or OwnedSdk(_lock)
    if trace.get_tracer_provider() is not sdk.tracer_provider:
        trace.set_tracer_provider(sdk.tracer_provider)
    if metrics.get_meter_provider() is not sdk.meter_provider:
        metrics.set_meter_provider(sdk.meter_provider)
    if get_logger_provider() is not sdk.logger_provider:
        set_logger_provider(sdk.logger_provider)
    sdk.use()
    _sdk = sdk
    return Providers(sdk.tracer_provider, sdk.meter_provider, sdk.logger_provider, owned=True)


def _application_configured() -> bool:
    """Whether any of OpenTelemetry's globals is set, by somebody else.

    An unset global is a proxy; only the tracers' proxy class is public, so all three are known by their names.
    """
    ours = () if _sdk is None else (_sdk.tracer_provider, _sdk.meter_provider, _sdk.logger_provider)
    providers = (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())
    return any("Proxy" not in type(provider).__name__ and provider not in ours for provider in providers)


def _watch_forks() -> None:
    global _hooks  # noqa: PLW0603 - hooks of one process, which cannot be taken back
    with _lock:
        _hooks = _hooks or ForkHooks(_lock, lambda: _sdk, _forked)


def _forked() -> None:
    global _leave_by  # noqa: PLW0603 - of this process
    _leave_by = None


def _watch_exit() -> None:
    """See to it that what there is is sent before the process ends. `_lock` is held."""
    global _leaving  # noqa: PLW0603 - hooks of one process, which cannot be taken back
    if not _leaving:
        from venom_otel.instrumentation.sdk import leaving

        _leaving = True
        leaving.call_before_exit(_leave)


def _leave() -> None:
    """Complete and send what there is, in `EXIT_TIMEOUT_S` at most, however often it is called."""
    global _leave_by  # noqa: PLW0603 - one end
    if _leave_by is None:
        _leave_by = time.monotonic() + EXIT_TIMEOUT_S
    for telemetry in list(_open):
        telemetry.complete(max(0.0, _leave_by - time.monotonic()) / 2)
    if _sdk is not None:
        _sdk.flush_at_exit(_leave_by)
