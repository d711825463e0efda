"""The promise that an instrumented application never suffers from a mistake of ours.

Every entry from the application into this package catches what goes wrong inside, reports it here and goes on as if the package were
not there. A report is one log line, at most once a minute for each place. The project's own tests set
``VENOM_OTEL_RAISE_INTERNAL_ERRORS=1``, which raises it instead, so that no such mistake passes them unseen.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time

logger = logging.getLogger("venom_otel")

RAISE = os.environ.get("VENOM_OTEL_RAISE_INTERNAL_ERRORS") == "1"
REPEAT_AFTER_S = 60.0

_last_report: dict[str, float] = {}


def report(doing: str) -> None:
    """Report the exception being handled. Call it only inside an ``except`` block.

    Args:
        doing: what was being done, to end the sentence "venom_otel failed while …".

    Raises:
        Exception: the handled exception itself, under the project's own tests only.
    """
    if RAISE:
        raise  # noqa: PLE0704 - callers are except blocks
    now = time.monotonic()
    if now - _last_report.get(doing, -REPEAT_AFTER_S) < REPEAT_AFTER_S:
        return
    _last_report[doing] = now
    error = sys.exception()
    if error is not None:
        error.__suppress_context__ = True  # an application's exception that was being handled may hold a server's words, keys among them
    with contextlib.suppress(Exception):  # an application's log handler may raise; there is nobody left to tell
        logger.warning(
            "venom_otel failed while %s; the application is not affected, this piece of telemetry is missing. Please report it.",
            doing,
            exc_info=error,
        )
