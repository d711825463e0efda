"""What a person is told of telemetry that goes nowhere: one log line of each kind in a process, and no more."""

from __future__ import annotations

from typing import Final

from venom_otel.instrumentation.guard import logger

UNDELIVERED: Final = "undelivered"
UNCONFIGURED: Final = "unconfigured"

_said: set[str] = set()


def once(kind: str, message: str, *args: object) -> None:
    """Log a warning, unless one of its kind was logged before. Forked children remember what their parent has said."""
    if kind not in _said:
        _said.add(kind)
        logger.warning(message, *args)


def undelivered(where: str, why: str) -> None:
    """Say that telemetry does not arrive, and what can be done.

    Args:
        where: the address it is sent to, without credentials.
        why: the cause in a few words.
    """
    once(
        UNDELIVERED,
        "venom_otel: no telemetry reaches %s (%s). Start a collector or the cockpit there (venom-otel up), set"
        " OTEL_EXPORTER_OTLP_ENDPOINT, or switch telemetry off with OTEL_SDK_DISABLED=true. Calls are not affected; this is said once.",
        where,
        why,
    )
