"""Texts of the settings page."""

from __future__ import annotations

from typing import Final

from venom_otel.services.in_force import Source

SETTINGS: Final = "Settings"
INSTALLATION: Final = "This cockpit"
VERSION: Final = "Version"
PAGE: Final = "Page and API"
OTLP: Final = "OTLP over HTTP"
OTLP_GRPC: Final = "OTLP over gRPC"
NOT_LISTENED: Final = "not listened for"
DATA_DIR: Final = "Data"
ENV_FILE: Final = "Settings file"
KEPT: Final = "Kept"
ONLY_SET: Final = "Only what is set"
FILTER: Final = "Filter settings"
VARIABLE: Final = "Variable"
VALUE: Final = "Value"
FROM: Final = "From"
NOTHING: Final = "not set"
HIDDEN: Final = "set, not shown"
NO_MATCH: Final = "No setting matches."
SOURCES: Final = {Source.OPTION: "option", Source.ENVIRONMENT: "environment", Source.FILE: ".env", Source.DEFAULT: "default"}
HOW: Final = (
    "Options of the command win over the environment, the environment over the file `.env` of the directory it was started in. "
    "What is changed there holds from the next start of `venom-otel up`; the model is changed on the start page."
)


def kept(requests: str, spans: str, size: str) -> str:
    """What the store holds."""
    return f"{requests} requests in {spans} spans, {size}"
