"""What Semantic Kernel's own message content says, where the provider's reply is absent or of an unknown kind.

A user's own chat service, or the in-process ONNX one, may fill ``finish_reason`` and the ``metadata`` keys that Semantic Kernel's
connectors use: ``id``, ``model``, ``system_fingerprint`` and ``usage`` (its `CompletionUsage`, or a mapping of those names).
"""

from __future__ import annotations

from typing import Any

from venom_otel.instrumentation.semantic_kernel.replies.facts import ReplyFacts, get


def read(facts: ReplyFacts, _inner: Any, content: Any) -> None:
    """One message content, or one piece of it from a stream."""
    facts.finished(get(content, "choice_index"), get(content, "finish_reason"))
    metadata = get(content, "metadata")
    if not metadata:
        return
    facts.answered(
        response_id=get(metadata, "id"),
        model=get(metadata, "model"),
        fingerprint=get(metadata, "system_fingerprint"),
    )
    if (usage := get(metadata, "usage")) is not None:
        asked, answered = get(usage, "prompt_tokens_details"), get(usage, "completion_tokens_details")
        facts.counted(
            input_tokens=_first(usage, "prompt_tokens", "input_tokens"),
            output_tokens=_first(usage, "completion_tokens", "output_tokens"),
            cache_read=get(asked, "cached_tokens"),
            reasoning=get(answered, "reasoning_tokens"),
        )


def _first(usage: Any, *names: str) -> Any:
    return next((value for name in names if (value := get(usage, name)) is not None), None)
