"""venom_otel: which model server and which model answered, and why a request failed.

    import venom_otel
    venom_otel.instrument(kernel)

Importing this package loads nothing heavy: neither Semantic Kernel nor the OpenTelemetry SDK, FastAPI or the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venom_otel.instrumentation import Instrumentation, instrument
    from venom_otel.routing import fallback

__all__ = ["Instrumentation", "__version__", "fallback", "instrument"]


def __getattr__(name: str) -> Any:
    if name in ("instrument", "Instrumentation"):
        from venom_otel import instrumentation

        return getattr(instrumentation, name)
    if name == "fallback":
        from venom_otel.routing import fallback

        return fallback
    if name == "__version__":
        from importlib.metadata import version

        return version("venom-otel")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
