"""Keeps our own exporters from talking: each failed export is logged by them, and Python prints that where logging is not set up.

Records are dropped by the thread that makes them. Everything of ours is exported by threads of ours, so the application's own exporters,
which may be of the same classes and log to the same loggers, are heard as ever.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGERS: Final = (
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.http._common",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
    "opentelemetry.exporter.otlp.proto.grpc.metric_exporter",
    "opentelemetry.exporter.otlp.proto.grpc._log_exporter",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.util.retry",
)
"""Who logs while an OTLP exporter works. A filter acts on the very logger it is put on, not on those below it."""


HTTP_STATUSES: Final = range(100, 600)


class _Here(threading.local):
    depth = 0
    complaint: str | None = None


_here = _Here()


class _DropFromMutedThreads(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if not _here.depth:
            return True
        for argument in record.args if isinstance(record.args, tuple) else ():
            if isinstance(argument, BaseException):
                _here.complaint = type(argument).__name__  # its words may hold an address with credentials
            elif isinstance(argument, int) and argument in HTTP_STATUSES:
                _here.complaint = f"HTTP {argument}"
        return False


_filter: Final = _DropFromMutedThreads()
_lock = threading.Lock()
_users = 0
_filtered: set[str] = set()


@contextlib.contextmanager
def muted(*more: str) -> Iterator[None]:
    """Drop what exporters log in this thread. The filters are there only while some thread is muted.

    Args:
        more: names of further loggers, for exporters that are not OpenTelemetry's own.
    """
    global _users  # noqa: PLW0603 - filters of one process
    with _lock:
        _users += 1
        _filtered.update(LOGGERS, more)
        for name in _filtered:
            logging.getLogger(name).addFilter(_filter)
    _here.depth += 1
    try:
        yield
    finally:
        _here.depth -= 1
        with _lock:
            _users -= 1
            while _filtered and _users == 0:
                logging.getLogger(_filtered.pop()).removeFilter(_filter)


def begin_export() -> None:
    """Forget what was complained of before the next export of this muted thread."""
    _here.complaint = None


def complaint() -> str | None:
    """What an exporter complained of in this muted thread since `begin_export`: an HTTP status or the class of an error."""
    return _here.complaint


def forked() -> None:
    """In a forked child: the threads that were muted are not there."""
    global _lock, _users  # noqa: PLW0603 - see above
    _lock = threading.Lock()
    _users = 0
