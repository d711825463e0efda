"""Replies of Anthropic's dialect. Its ``input_tokens`` leaves out what came from or went to the cache, so the three are added.

In a stream, Semantic Kernel hands on text, finished tool calls and the closing ``message_delta``, but not ``message_start``: the id and
the first count of the prompt come by its metadata, and the model that answered is not told at all.
"""

from __future__ import annotations

from typing import Any

from venom_otel.instrumentation.semantic_kernel.replies.facts import ReplyFacts, get, total


def read_message(facts: ReplyFacts, message: Any, _content: Any) -> None:
    """A whole answer (`anthropic.types.Message`)."""
    facts.answered(response_id=get(message, "id"), model=get(message, "model"))
    facts.finished(0, get(message, "stop_reason"))
    _read_usage(facts, get(message, "usage"))


def read_event(facts: ReplyFacts, event: Any, content: Any) -> None:
    """One event of a stream."""
    if facts.response_id is None:
        metadata = get(content, "metadata")
        facts.answered(response_id=get(metadata, "id"))
        facts.counted(input_tokens=get(get(metadata, "usage"), "input_tokens"))
    if (usage := get(event, "usage")) is not None:
        facts.finished(0, get(get(event, "delta"), "stop_reason"))
        _read_usage(facts, usage)


def _read_usage(facts: ReplyFacts, usage: Any) -> None:
    read, created = get(usage, "cache_read_input_tokens"), get(usage, "cache_creation_input_tokens")
    facts.counted(
        input_tokens=total(get(usage, "input_tokens"), read, created),
        output_tokens=get(usage, "output_tokens"),
        cache_read=read,
        cache_creation=created,
        reasoning=get(get(usage, "output_tokens_details"), "thinking_tokens"),
    )
