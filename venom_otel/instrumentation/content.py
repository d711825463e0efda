"""Prompts and answers, captured only where the application's owner asks for them.

The switch is the conventions' own, ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` = ``no_content`` (default), ``span_only``,
``event_only`` or ``span_and_event`` (``true`` is taken as ``span_only``, its older meaning), or the argument of `instrument()`.
Messages have the form of the conventions' JSON schemas: a role and parts.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from venom_otel.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


class Capture(StrEnum):
    """Where message content goes."""

    NONE = "no_content"
    SPAN = "span_only"
    EVENT = "event_only"
    BOTH = "span_and_event"

    @property
    def on_span(self) -> bool:
        """Whether the span carries it."""
        return self in (Capture.SPAN, Capture.BOTH)

    @property
    def on_event(self) -> bool:
        """Whether the event `gen_ai.client.inference.operation.details` carries it."""
        return self in (Capture.EVENT, Capture.BOTH)


def capture_mode(argument: bool | str | None) -> Capture:
    """The mode that `instrument(capture_content=…)` or, where it says nothing, the environment asks for.

    Raises:
        SettingsError: neither a boolean nor one of the modes.
    """
    name = "capture_content" if argument is not None else VARIABLE
    value = argument if argument is not None else os.environ.get(VARIABLE, "")
    text = str(value).strip().lower()
    if text in ("", "false"):
        return Capture.NONE
    if text == "true":
        return Capture.SPAN
    try:
        return Capture(text)
    except ValueError:
        raise SettingsError(f"{name}={value!r}: use one of {', '.join(Capture)}, true or false.") from None


@dataclass(slots=True)
class Content:
    """The messages of one call, gathered while it runs."""

    input: list[dict[str, Any]] = field(default_factory=list)
    system: list[dict[str, Any]] = field(default_factory=list)
    output: dict[int, dict[str, Any]] = field(default_factory=dict)

    def read_prompt(self, messages: Iterable[Any]) -> None:
        """Take Semantic Kernel's chat history; system and developer messages are instructions."""
        for message in messages:
            role = _role(message)
            parts = [part for item in getattr(message, "items", []) if (part := _part(item)) is not None]
            if role in ("system", "developer"):
                self.system.extend(parts)
            else:
                self.input.append({"role": role, "parts": parts})

    def read_answer(self, contents: Iterable[Any]) -> None:
        """Take a call's answers or one chunk of a stream; texts of one choice are joined."""
        for position, message in enumerate(contents):
            index = getattr(message, "choice_index", position)
            answer = self.output.setdefault(index, {"role": "assistant", "parts": [], "finish_reason": ""})
            parts: list[dict[str, Any]] = answer["parts"]
            for item in getattr(message, "items", []):
                part = _part(item)
                if part is None:
                    continue
                last = parts[-1] if parts else None
                if last is not None and last["type"] == part["type"] == "text":
                    last["content"] += part["content"]
                elif last is not None and last["type"] == part["type"] == "tool_call" and part["id"] in (None, "", last["id"]):
                    last["arguments"] = f"{last['arguments'] or ''}{part['arguments'] or ''}"  # a tool call arrives in pieces
                else:
                    parts.append(part)
            finish = getattr(message, "finish_reason", None)
            if finish is not None:
                answer["finish_reason"] = str(getattr(finish, "value", finish))

    def answers(self) -> list[dict[str, Any]]:
        """The answers by choice."""
        return [self.output[index] for index in sorted(self.output)]


def as_json(messages: list[dict[str, Any]]) -> str:
    """The form in which a span attribute carries messages."""
    return json.dumps(messages, ensure_ascii=False, separators=(",", ":"), default=str)


def _role(message: Any) -> str:
    role = getattr(message, "role", "user")
    return str(getattr(role, "value", role))


def _part(item: Any) -> dict[str, Any] | None:
    """One item of a message as a part of the conventions' schema; None for what has no textual form (images, audio)."""
    sort = getattr(item, "content_type", None)
    if sort in ("text", "streaming_text"):
        return {"type": "text", "content": item.text or ""}
    if sort == "function_call":
        return {"type": "tool_call", "id": item.id, "name": item.name, "arguments": item.arguments}
    if sort == "function_result":
        return {"type": "tool_call_response", "id": item.id, "response": str(item.result)}
    return None
