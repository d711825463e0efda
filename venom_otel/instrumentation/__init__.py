"""Recording of every model round trip that Semantic Kernel's chat services make."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from venom_otel.errors import VenomError
from venom_otel.instrumentation import logs
from venom_otel.instrumentation.content import Capture, capture_mode
from venom_otel.instrumentation.pricing import PriceTable
from venom_otel.instrumentation.recorder import Recorder
from venom_otel.instrumentation.sdk import Telemetry
from venom_otel.instrumentation.semantic_kernel import hooks
from venom_otel.settings import InstrumentationSettings, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
    from semantic_kernel import Kernel

    from venom_otel.instrumentation.semantic_kernel.scopes import Scope

__all__ = ["Instrumentation", "instrument"]

_lock = threading.Lock()
_shared: dict[tuple[Any, ...], _Shared] = {}


@dataclass(slots=True)
class _Shared:
    """A recorder and how many open handles use it."""

    recorder: Recorder
    users: int = 0


def instrument(
    kernel: Kernel | None = None,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
    providers: Mapping[str, str] | None = None,
    capture_content: bool | str | None = None,
) -> Instrumentation:
    """Record each model round trip of a kernel's chat services, or of every chat service in the process.

    With a kernel: the services it has, those added later and those of its clones. Calling it again with the same arguments changes
    nothing; what several calls cover is recorded once. Settings are read from the environment, see docs/settings.md.

    Args:
        kernel: whose services are recorded; None for all.
        tracer_provider: where spans go; by default the application's, or, where it has configured no OpenTelemetry SDK by the time of
            the first call, one that sends OTLP as the standard ``OTEL_*`` variables say, to localhost where they say nothing.
        meter_provider: the same for metrics.
        logger_provider: the same for log records.
        providers: who is behind an address or service id, where you know better than what servers say:
            ``{"http://gpu:8000/v1": "vllm"}``.
        capture_content: True (or "span_only"), "event_only" or "span_and_event" to record prompts and answers; by default what
            ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` says, else nothing is recorded of them.

    Returns:
        A handle that undoes exactly this, also as a context manager.

    Raises:
        SettingsError: a setting or argument cannot be used; nothing was changed then.
        VenomError: Semantic Kernel is not installed.
    """
    settings = load(InstrumentationSettings)
    capture = capture_mode(capture_content)
    key = (tracer_provider, meter_provider, logger_provider, tuple(sorted((providers or {}).items())), capture, settings)
    with _lock:
        shared = _shared.get(key)
        if shared is None:
            telemetry = Telemetry(tracer_provider, meter_provider, logger_provider)
            shared = _Shared(_recorder(telemetry, settings, capture, providers or {}))
        try:
            hooks.install()
        except ImportError as error:
            message = f"Semantic Kernel cannot be imported ({error}); install it with: pip install 'venom-otel[instruments]'"
            raise VenomError(message) from error
        _shared[key] = shared
        shared.users += 1
        logs.install()
        scope = hooks.scopes.open(shared.recorder, kernel)
    if kernel is not None:
        hooks.introduce(shared.recorder, kernel)
    return Instrumentation(scope, key)


def _recorder(telemetry: Telemetry, settings: InstrumentationSettings, capture: Capture, providers: Mapping[str, str]) -> Recorder:
    from venom_otel.identity.resolver import HttpResolver, parse_providers

    prices = PriceTable.load(settings.prices) if settings.prices is not None else None
    resolver = HttpResolver({**parse_providers(settings.providers), **providers}, aliases=settings.server_aliases)
    return Recorder(telemetry, resolver, settings, prices, capture)


class Instrumentation:
    """What `instrument()` did; `uninstrument` undoes it. Letting go of the handle undoes nothing."""

    def __init__(self, scope: Scope, key: tuple[Any, ...]) -> None:
        self._scope: Scope | None = scope
        self._key = key

    def flush(self, timeout_s: float = 2.0) -> bool:
        """Send what is recorded so far; False where it took longer than `timeout_s` seconds."""
        return self._scope is None or self._scope.recorder.flush(timeout_s)

    def uninstrument(self) -> None:
        """Undo exactly what this `instrument()` did: flush, detach what is ours; what another handle covers stays recorded."""
        with _lock:
            scope, self._scope = self._scope, None
            if scope is None:
                return
            hooks.scopes.close(scope)
            hooks.remove()
            logs.remove()
            shared = _shared[self._key]
            shared.users -= 1
            if shared.users == 0:
                del _shared[self._key]
        if shared.users == 0:
            shared.recorder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.uninstrument()
