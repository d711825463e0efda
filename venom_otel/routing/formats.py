"""The form an answer shall have, JSON or JSON of a schema, in each service's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

_NAME = "answer"
"""OpenAI wants a name for a schema; others have none."""


@dataclass(frozen=True, slots=True)
class Format:
    """JSON, of a schema where one was given."""

    given: Any
    """As OpenAI's and similar settings take it: a mapping or a class; None where it came from another service's settings."""
    schema: Mapping[str, Any] | None = None

    def forms(self, fields: Container[str]) -> Iterator[Mapping[str, Any]]:
        """The settings that say so, for a class with these fields, the most exact first."""
        if "response_format" in fields:
            if self.given is not None:
                yield {"response_format": self.given}
            if self.schema is not None:
                named = {"name": _NAME, "schema": self.schema}
                yield {"response_format": {"type": "json_schema", "json_schema": named}}
            yield {"response_format": {"type": "json_object"}}
        if "format" in fields:
            if self.schema is not None:
                yield {"format": self.schema}
            yield {"format": "json"}
        if "response_mime_type" in fields:
            mime_type = {"response_mime_type": "application/json"}
            if self.schema is not None:
                yield {**mime_type, "response_schema": self.schema}
            yield mime_type


def take(asked: dict[str, Any]) -> Format | None:
    """Take what is said of the form out of `asked`; None where text is wanted, or nothing is said."""
    openai, ollama = asked.pop("response_format", None), asked.pop("format", None)
    mime_type, google_schema = asked.pop("response_mime_type", None), asked.pop("response_schema", None)
    if openai is not None:
        if isinstance(openai, dict):
            if openai.get("type") == "text":
                return None
            return Format(openai, (openai.get("json_schema") or {}).get("schema"))
        return Format(openai, _schema_of(openai))
    if ollama is not None:
        return Format(None, ollama if isinstance(ollama, dict) else None)
    if mime_type == "application/json":
        return Format(None, google_schema if isinstance(google_schema, dict) else _schema_of(google_schema))
    return None


def _schema_of(wanted: Any) -> Mapping[str, Any] | None:
    """The JSON schema of a class, by pydantic or by Semantic Kernel's own builder."""
    if not isinstance(wanted, type):
        return None
    if hasattr(wanted, "model_json_schema"):
        schema: Mapping[str, Any] = wanted.model_json_schema()
        return schema
    from semantic_kernel.schema.kernel_json_schema_builder import KernelJsonSchemaBuilder

    return KernelJsonSchemaBuilder.build(parameter_type=wanted, structured_output=True)
