"""Replies of Google's dialect: google-genai's `GenerateContentResponse` and the older `vertexai` package's `GenerationResponse`.

Usage comes with every chunk and counts up. Its total is the sum of prompt, tool results, answer and thoughts, so thoughts are added to the
answer and tool results to the prompt.
"""

from __future__ import annotations

from typing import Any

from venom_otel.instrumentation.semantic_kernel.replies.facts import ReplyFacts, get, total


def read(facts: ReplyFacts, reply: Any, _content: Any) -> None:
    """A whole answer or one chunk of a stream."""
    if facts.response_model is None:
        raw = getattr(reply, "_raw_response", reply)  # vertexai wraps the protobuf message, which alone has these two
        facts.answered(response_id=get(raw, "response_id"), model=get(raw, "model_version"))
    for position, candidate in enumerate(get(reply, "candidates") or ()):
        reason = get(candidate, "finish_reason")
        # Both enumerations begin with an "unspecified" that stands for "not finished"; the older one's values are numbers.
        if reason and not (name := str(getattr(reason, "name", reason))).endswith("UNSPECIFIED"):
            index = get(candidate, "index")
            facts.finished(position if index is None else index, name)
    if (usage := get(reply, "usage_metadata")) is not None:
        thoughts = get(usage, "thoughts_token_count") or None  # a protobuf message says 0 for what was not sent
        facts.counted(
            input_tokens=total(get(usage, "prompt_token_count"), get(usage, "tool_use_prompt_token_count")),
            output_tokens=total(get(usage, "candidates_token_count"), thoughts),
            cache_read=get(usage, "cached_content_token_count") or None,
            reasoning=thoughts,
        )
