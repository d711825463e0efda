"""TraceQL over the spans of requests; attributes come from `semconv`."""

from __future__ import annotations

import json
from typing import Final

from venom_otel import semconv

SHOWN: Final = (semconv.LLM_PROVIDER, semconv.LLM_MODEL, semconv.LLM_ENDPOINT, semconv.LLM_ERROR_KIND, semconv.ERROR_TYPE)
"""What a list of traces tells of each span."""


def spans(*conditions: str) -> str:
    """Spans that fulfil all of `conditions`."""
    return "{ " + " && ".join(conditions) + " }"


def span(attribute: str, operator: str, value: str) -> str:
    """A condition on a span's attribute."""
    return f"span.{attribute} {operator} {json.dumps(value)}"


def any_of(attribute: str, pattern: str, every: str) -> str:
    """Spans whose attribute matches; where the pattern is `every`, those without the attribute, too."""
    return f"({span(attribute, '=~', pattern)} || {json.dumps(pattern)} = {json.dumps(every)} && span.{attribute} = nil)"


def resource(attribute: str, operator: str, value: str) -> str:
    """A condition on an attribute of what sent the span."""
    return f"resource.{attribute} {operator} {json.dumps(value)}"


def shown(query: str) -> str:
    """The spans of `query` with what a list tells of them."""
    return f"{query} | select({', '.join(f'span.{name}' for name in SHOWN)})"


FAILED: Final = span(semconv.LLM_OUTCOME, "=", semconv.OUTCOME_ERROR)
