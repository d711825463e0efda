"""LogQL over the log records of requests; attributes come from `semconv`.

Loki takes OTLP (its `/otlp` endpoint): `service.name` becomes a label, attributes of records and their trace's id structured metadata, dots
written as underscores (https://grafana.com/docs/loki/latest/send-data/otel/).
"""

from __future__ import annotations

import json
import re
from typing import Final

from venom_otel import semconv

TRACE_ID: Final = "trace_id"


def label(attribute: str) -> str:
    """What an attribute is called in Loki."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", attribute)


def failed(service: str, **chosen: str) -> str:
    """The records of failed requests: the event that the conventions have for an exception, with the server's own words as its text.

    Args:
        service: which services, as a regular expression, or a dashboard's variable.
        chosen: the same for Loki's labels of attributes.
    """
    # A selector has to have a matcher that fits no empty label; `.*`, which is all of a variable, is none.
    name, error = label(semconv.SERVICE_NAME), label(semconv.ERROR_TYPE)
    filters = "".join(f" | {one}=~{json.dumps(value)}" for one, value in chosen.items())
    return f'{{{name}=~".+", {name}=~{json.dumps(service)}}} | {label(semconv.EXCEPTION_TYPE)}!="" | {error}!=""{filters}'


def of_trace(selector: str, trace_id: str) -> str:
    """The records of one trace; both are written as Grafana fills them in."""
    return f"{{{selector}}} | {TRACE_ID}={json.dumps(trace_id)}"
