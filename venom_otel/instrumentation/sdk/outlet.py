"""One exporter of ours: made from its entry point, tried only where somebody listens, and closed without noise."""

from __future__ import annotations

import contextlib
import importlib
import socket
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.util._importlib_metadata import entry_points

from venom_otel.instrumentation.sdk import environment, notice, quiet

if TYPE_CHECKING:
    from venom_otel.instrumentation.sdk.environment import Address, Destination, Signal

SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics", "logs")
KNOCK_TIMEOUT_S: Final = 1.0
KNOCK_AGAIN_AFTER_S: Final = 1.0


class Outlet:
    """Sends batches through one exporter, from one thread at a time.

    OTLP exporters take 10 s to give a batch up where nobody listens, and then it is lost. So before the first export, and after each one
    that failed, the address is tried first, once a second; until somebody listens there, nothing is exported and what waits goes on
    waiting.
    """

    def __init__(self, exporter: Any, address: Address | None, name: str) -> None:
        self._exporter = exporter
        self._address = address if address is not None and not is_proxied(address) else None
        self._where = str(address) if address is not None else name
        self._healthy = False
        self._next_knock = 0.0

    @property
    def logger(self) -> str:
        """The logger of the exporter's module."""
        return type(self._exporter).__module__

    @property
    def where(self) -> str:
        """The address, or the exporter's name where it has none."""
        return self._where

    def is_open(self, *, urgent: bool) -> bool:
        """Whether an export is worth trying. `urgent` tries the address in any case, for whoever waits cannot wait for retries."""
        if self._address is None or (self._healthy and not urgent):
            return True
        now = time.monotonic()
        if now < self._next_knock and not urgent:
            return False
        try:
            socket.create_connection((self._address.host, self._address.port), KNOCK_TIMEOUT_S).close()
        except OSError as error:
            self._next_knock = now + KNOCK_AGAIN_AFTER_S
            notice.undelivered(self._where, error.strerror or str(error) or type(error).__name__)
            return False
        return True

    def send(self, batch: Any) -> bool:
        """Export a batch; whether it was taken."""
        quiet.begin_export()
        try:
            result = self._exporter.export(batch)
            self._healthy = getattr(result, "name", "") != "FAILURE"
            why = quiet.complaint() or "no answer"
        except Exception as error:  # an exporter's mistake; said once, and its batch is lost as if it had been refused
            self._healthy = False
            why = type(error).__name__
        if not self._healthy:
            notice.undelivered(self._where, why)
        return self._healthy

    def close(self) -> None:
        """Shut the exporter down; a retry it is waiting for is given up. Safe while another thread is in `send`."""
        with quiet.muted(self.logger):
            try:
                self._exporter.shutdown()
            except Exception as error:  # it is of no use any more
                notice.once(self.logger, "venom_otel: closing the exporter to %s failed (%s).", self._where, type(error).__name__)


def preload() -> None:
    """Import what the environment's exporters need."""
    for signal in SIGNALS:
        for destination in environment.destinations(signal):
            for entry_point in entry_points(group=f"opentelemetry_{signal}_exporter", name=destination.exporter):
                with quiet.muted(), contextlib.suppress(Exception):  # said when it is really needed
                    entry_point.load()
                    if destination.is_otlp_http:
                        importlib.import_module("requests")


def make_exporter(signal: Signal, destination: Destination) -> Any:
    """An exporter by its entry point; None, and one log line, where it cannot be had. Call it in a muted thread.

    Returns:
        What the entry point makes: a span, metric or log exporter, or a metric reader.
    """
    try:
        entry_point = next(iter(entry_points(group=f"opentelemetry_{signal}_exporter", name=destination.exporter)))
    except StopIteration:
        package = environment.PACKAGES.get(destination.exporter)
        notice.once(
            notice.UNCONFIGURED,
            "venom_otel: nothing is sent: %s asks for an exporter that is not installed. %s",
            destination.asked_by,
            f"Install it: pip install {package}" if package else "Known are otlp (http/protobuf, grpc), console and none.",
        )
        return None
    try:
        return entry_point.load()(**_arguments(destination))
    except Exception as error:  # a certificate that is not there, a variable it cannot read
        notice.once(notice.UNCONFIGURED, "venom_otel: %s cannot be set up: %s: %s", destination.asked_by, type(error).__name__, error)
        return None


def _arguments(destination: Destination) -> dict[str, Any]:
    """Nothing, as for `opentelemetry-instrument`, but this: a proxy from the environment is not asked for this machine's own address.

    `requests` asks it even for localhost where ``NO_PROXY`` does not say otherwise, and the proxy's localhost is not ours.
    """
    address = destination.address
    credentials = any(environment.text(f"OTEL_PYTHON_EXPORTER_OTLP_HTTP{part}_CREDENTIAL_PROVIDER") for part in _CREDENTIAL_PARTS)
    if not destination.is_otlp_http or address is None or not address.is_loopback or credentials:
        return {}
    import requests

    session = requests.Session()
    session.trust_env = False
    return {"session": session}


_CREDENTIAL_PARTS: Final = ("", "_TRACES", "_METRICS", "_LOGS")


def is_proxied(address: Address) -> bool:
    """Whether a proxy stands before an address, so that trying the address itself says nothing."""
    return not address.is_loopback and address.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(address.host)
