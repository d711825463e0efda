"""What the standard ``OTEL_*`` variables say, and what holds where they say nothing.

The SDK reads its own variables itself (samplers, limits, resource); what is read here are those that its configurator for
``opentelemetry-instrument`` reads, which has no public form. Meaning and names:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and .../protocol/exporter/.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from venom_otel.instrumentation.sdk import notice

Signal = Literal["traces", "metrics", "logs"]

# Ours, where the variables say nothing: somebody is looking at a page and waits for what just happened.
SPAN_DELAY_MS: Final = 500.0
LOG_DELAY_MS: Final = 500.0
METRIC_INTERVAL_MS: Final = 5000.0
# The specification's.
QUEUE_SIZE: Final = 2048
BATCH_SIZE: Final = 512
COLLECT_TIMEOUT_MS: Final = 30_000.0

_HTTP, _GRPC, _JSON = "otlp_proto_http", "otlp_proto_grpc", "otlp_json_http"
_BY_PROTOCOL: Final = {"http/protobuf": _HTTP, "grpc": _GRPC, "http/json": _JSON}
_DEFAULT_ENDPOINT: Final = {_HTTP: "http://localhost:4318", _GRPC: "http://localhost:4317", _JSON: "http://localhost:4318"}
PACKAGES: Final = {
    _HTTP: "opentelemetry-exporter-otlp-proto-http",
    _GRPC: "opentelemetry-exporter-otlp-proto-grpc",
    _JSON: "opentelemetry-exporter-otlp-json-http",
}
"""The package that has an OTLP exporter, by its name as an entry point."""


def sdk_disabled() -> bool:
    """Whether ``OTEL_SDK_DISABLED`` switches telemetry off."""
    return text("OTEL_SDK_DISABLED").lower() == "true"


def text(name: str) -> str:
    """A variable without blanks around it; empty where it is not set, which the specification treats alike."""
    return os.environ.get(name, "").strip()


def number(name: str, default: float) -> float:
    """A variable as a number above zero; the default, and one log line, where it is none."""
    found = text(name)
    if not found:
        return default
    try:
        value = float(found)
    except ValueError:
        value = math.nan
    if value > 0:
        return value
    notice.once(name, "venom_otel: %s=%r is not a number above zero; %g is used.", name, found, default)
    return default


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much waits, how much is sent at once, and how long what waits may wait."""

    queue: int
    batch: int
    delay_s: float


def batch_limits(signal: Literal["traces", "logs"]) -> BatchLimits:
    """What ``OTEL_BSP_*`` or ``OTEL_BLRP_*`` say. Their export time-out is the exporter's own, as in the SDK."""
    prefix, delay = ("OTEL_BSP", SPAN_DELAY_MS) if signal == "traces" else ("OTEL_BLRP", LOG_DELAY_MS)
    queue = max(1, int(number(f"{prefix}_MAX_QUEUE_SIZE", QUEUE_SIZE)))
    batch = max(1, int(number(f"{prefix}_MAX_EXPORT_BATCH_SIZE", BATCH_SIZE)))
    return BatchLimits(queue, min(batch, queue), number(f"{prefix}_SCHEDULE_DELAY", delay) / 1000)


def metric_interval_s(default_s: float = METRIC_INTERVAL_MS / 1000) -> float:
    """Seconds between two exports of metrics."""
    return number("OTEL_METRIC_EXPORT_INTERVAL", default_s * 1000) / 1000


def collect_timeout_ms() -> float:
    """Milliseconds that collecting metrics may take."""
    return number("OTEL_METRIC_EXPORT_TIMEOUT", COLLECT_TIMEOUT_MS)


@dataclass(frozen=True, slots=True)
class Address:
    """Where an OTLP exporter sends to."""

    host: str
    port: int
    scheme: str

    def __str__(self) -> str:
        """Without credentials, path and query."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, by name or number."""
        return self.host == "localhost" or self.host.startswith("127.") or self.host == "::1"


@dataclass(frozen=True, slots=True)
class Destination:
    """An exporter by its entry point's name, and the address it sends to where that can be told."""

    exporter: str
    address: Address | None
    asked_by: str
    """The variable and value that name it, for messages."""

    @property
    def is_otlp_http(self) -> bool:
        """Whether it is the OTLP/HTTP exporter that is installed with this package."""
        return self.exporter == _HTTP


def destinations(signal: Signal) -> list[Destination]:
    """Where a signal goes: ``OTEL_{SIGNAL}_EXPORTER`` (``otlp`` by default, ``console``, ``none``, or any installed exporter's name).

    ``otlp`` is taken by ``OTEL_EXPORTER_OTLP_PROTOCOL``, where ``http/protobuf`` is the default, as the specification has it.
    """
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    names = [name.strip() for name in text(variable).split(",") if name.strip()] or ["otlp"]
    return [_destination(signal, name, f"{variable}={name}") for name in dict.fromkeys(names) if name.lower() != "none"]


def _destination(signal: Signal, name: str, asked_by: str) -> Destination:
    if name == "otlp":
        for variable in (f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
            if protocol := text(variable):
                name, asked_by = _BY_PROTOCOL.get(protocol, protocol), f"{variable}={protocol}"
                break
        else:
            name = _HTTP
    if name not in _DEFAULT_ENDPOINT:
        return Destination(name, None, asked_by)
    return Destination(name, address_of(endpoint(signal) or _DEFAULT_ENDPOINT[name]), asked_by)


def endpoint(signal: Signal) -> str:
    """Where the environment sends a signal by OTLP; empty where it leaves that to the default."""
    return text(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT") or text("OTEL_EXPORTER_OTLP_ENDPOINT")


def address_of(endpoint: str) -> Address | None:
    """Host and port of an endpoint; None where it is no address of a host, such as a Unix socket."""
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return Address(parts.hostname, port, parts.scheme) if parts.hostname and port else None
