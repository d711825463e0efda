"""The standard way in: `opentelemetry-instrument python app.py` finds this by its entry point, with no change to the application.

That command runs its instrumentors in every Python process it starts, also those that never use Semantic Kernel, so `instrument` waits
until Semantic Kernel is imported, which takes seconds.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]  # the module opts out of types

from venom_otel.errors import VenomError
from venom_otel.instrumentation import guard

if TYPE_CHECKING:
    from collections.abc import Collection

    from venom_otel.instrumentation import Instrumentation

HOST: Final = "semantic_kernel"
DEPENDENCIES: Final = ("semantic-kernel >= 1.45",)


class VenomInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """`venom_otel.instrument()` for every chat service of the process.

    `instrument` takes the keyword arguments `tracer_provider`, `meter_provider`, `logger_provider`, `providers` and `capture_content` of
    `venom_otel.instrument`; `uninstrument` undoes it.
    """

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "_lock"):  # the base class gives the same object each time
            self._lock = threading.Lock()
            self._handle: Instrumentation | None = None
            self._wanted: dict[str, Any] | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """What has to be installed."""
        return DEPENDENCIES

    def _instrument(self, **kwargs: Any) -> None:
        with self._lock:
            self._wanted = kwargs
        wrapt.register_post_import_hook(lambda _: self._begin(), HOST)  # at once where it is imported already

    def _uninstrument(self, **_: Any) -> None:
        with self._lock:
            handle, self._handle, self._wanted = self._handle, None, None
        if handle is not None:
            handle.uninstrument()

    def _begin(self) -> None:
        """Begin, once Semantic Kernel is there, unless that was undone or done in between."""
        import venom_otel

        with self._lock:
            if self._wanted is None or self._handle is not None:
                return
            try:
                self._handle = venom_otel.instrument(None, **self._wanted)
            except VenomError as error:  # a setting; raising it would fail the application's import
                guard.logger.error("venom_otel records nothing: %s", error)
            except Exception:
                guard.report("instrumenting Semantic Kernel")
