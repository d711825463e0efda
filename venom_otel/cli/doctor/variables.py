"""The variables: this project's own, with where each came from, and those of OpenTelemetry that decide whether anything is sent."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from venom_otel.cli import token
from venom_otel.cli.doctor.findings import broken, note, ok, warning
from venom_otel.errors import SettingsError
from venom_otel.identity.configured import parse_providers
from venom_otel.identity.endpoint import parse_aliases
from venom_otel.identity.redaction import redact
from venom_otel.instrumentation.sdk import environment
from venom_otel.settings import CockpitSettings, GrafanaSettings, InstrumentationSettings, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.cli.doctor.findings import Finding

PREFIX: Final = "VENOM_OTEL_"
OTHERS: Final = ("VENOM_OTEL_URL", "VENOM_OTEL_RAISE_INTERNAL_ERRORS")
"""Variables that no settings class holds."""

_SECRET_PARTS: Final = ("TOKEN", "KEY", "SECRET", "PASSWORD", "HEADERS", "CREDENTIAL")
_SETTINGS: Final = (InstrumentationSettings, CockpitSettings, GrafanaSettings)
_SIGNALS: Final[tuple[environment.Signal, ...]] = ("traces", "metrics", "logs")
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_GRPC_PORT, _HTTP_PORT = 4317, 4318


def known() -> list[str]:
    """Every variable of this project's own."""
    return [*OTHERS, *(f"{cls.model_config['env_prefix']}{name}".upper() for cls in _SETTINGS for name in cls.model_fields)]


def check(from_dotenv: frozenset[str]) -> Iterator[Finding]:
    """Look at the variables.

    Args:
        from_dotenv: those that a file `.env` in the working directory has set.
    """
    yield from _own(from_dotenv)
    yield from _unusable()
    yield from _opentelemetry(from_dotenv)
    yield from _endpoints()


def _own(from_dotenv: frozenset[str]) -> Iterator[Finding]:
    names = sorted(name for name in os.environ if name.startswith(PREFIX))
    if not names:
        yield ok("no VENOM_OTEL_* variable is set: the defaults hold")
    for name in names:
        if name in known():
            yield note(_shown(name, from_dotenv))
        else:
            close = get_close_matches(name, known(), n=1)
            meant = f"did you mean {close[0]}?" if close else "docs/settings.md lists those there are"
            yield warning(f"{name} is no setting of venom-otel{_source(name, from_dotenv)}", meant)


def _unusable() -> Iterator[Finding]:
    for read in (_for_applications, lambda: token.given(load(CockpitSettings))):
        try:
            read()
        except SettingsError as error:
            yield broken(redact(str(error)), "correct the variable, or remove it")


def _for_applications() -> None:
    settings = load(InstrumentationSettings)
    parse_providers(settings.providers)
    parse_aliases(settings.server_aliases)


def _opentelemetry(from_dotenv: frozenset[str]) -> Iterator[Finding]:
    for name in sorted(name for name in os.environ if name.startswith("OTEL_") and environment.text(name)):
        yield note(_shown(name, from_dotenv))
    only_here = sorted(name for name in from_dotenv if name.startswith("OTEL_"))
    if only_here:
        yield warning(
            f"{', '.join(only_here)}: only in the file .env, which venom-otel reads and an instrumented application does not",
            "export them, or let the application load the file itself",
        )
    if environment.sdk_disabled():
        yield broken("OTEL_SDK_DISABLED=true: nothing is recorded", "unset OTEL_SDK_DISABLED")
    if environment.text("OTEL_CONFIG_FILE"):
        yield broken(
            "OTEL_CONFIG_FILE is set, which venom-otel's own SDK does not read: nothing is sent", "let the application read it, or unset it"
        )
    yield from _sampler()
    for signal in _SIGNALS:
        if not environment.destinations(signal):
            yield warning(f"OTEL_{signal.upper()}_EXPORTER=none: no {signal} are sent", f"unset OTEL_{signal.upper()}_EXPORTER")


def _sampler() -> Iterator[Finding]:
    sampler, argument = environment.text("OTEL_TRACES_SAMPLER").lower(), environment.text("OTEL_TRACES_SAMPLER_ARG")
    if sampler in {"always_off", "parentbased_always_off"}:
        yield broken(f"OTEL_TRACES_SAMPLER={sampler}: no request is ever seen", "unset OTEL_TRACES_SAMPLER")
    elif "traceidratio" in sampler and argument not in {"", "1", "1.0"}:
        yield warning(f"OTEL_TRACES_SAMPLER={sampler}: only a share of {argument} of all requests is seen", "unset it to see all of them")


def _endpoints() -> Iterator[Finding]:
    """What is written wrongly; whether somebody listens there is seen by sending."""
    base = environment.text(_ENDPOINT)
    grpc = any(one.exporter == "otlp_proto_grpc" for signal in _SIGNALS for one in environment.destinations(signal))
    if base and not grpc and (path := urlsplit(base).path.rstrip("/")).endswith(tuple(f"/v1/{signal}" for signal in _SIGNALS)):
        yield broken(
            f"{_ENDPOINT} ends in {path[path.rindex('/v1/') :]}, and exporters put that behind it once more",
            f"{_ENDPOINT}={redact(base.rstrip('/'))[: -len(path[path.rindex('/v1/') :])]}",
        )
    for signal in _SIGNALS:
        variable = f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
        own = environment.text(variable)
        if own and not grpc and urlsplit(own).path in {"", "/"}:
            yield broken(f"{variable} is used as it is, without a path", f"{variable}={redact(own.rstrip('/'))}/v1/{signal}")
        if own or (signal == "traces" and base):
            yield from _form(variable if own else _ENDPOINT, own or base)
        yield from _protocol(signal)


def _form(variable: str, value: str) -> Iterator[Finding]:
    if "://" not in value:
        yield broken(f"{variable}={redact(value)} has no scheme", f"{variable}=http://{redact(value)}")


def _protocol(signal: environment.Signal) -> Iterator[Finding]:
    protocol = "or OTEL_EXPORTER_OTLP_PROTOCOL="
    for destination in environment.destinations(signal):
        port = destination.address.port if destination.address is not None else None
        if destination.exporter == "otlp_proto_grpc" and port == _HTTP_PORT:
            yield warning(f"{signal} go by gRPC to port {_HTTP_PORT}, which is HTTP's", f"port {_GRPC_PORT}, {protocol}http/protobuf")
        elif destination.exporter == "otlp_proto_http" and port == _GRPC_PORT:
            yield warning(f"{signal} go by HTTP to port {_GRPC_PORT}, which is gRPC's", f"port {_HTTP_PORT}, {protocol}grpc")


def _shown(name: str, from_dotenv: frozenset[str]) -> str:
    secret = any(part in name for part in _SECRET_PARTS)
    return f"{name}{' is set' if secret else f'={redact(os.environ[name])}'}{_source(name, from_dotenv)}"


def _source(name: str, from_dotenv: frozenset[str]) -> str:
    return " (from .env)" if name in from_dotenv else " (from the environment)"
