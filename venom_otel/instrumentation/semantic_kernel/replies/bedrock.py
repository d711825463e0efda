"""Replies of Amazon Bedrock's Converse API: dictionaries, as botocore gives them. They tell neither an id nor the model.

``inputTokens`` leaves out what came from or went to the cache (Amazon Bedrock user guide, "Prompt caching"), so the three are added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from venom_otel.instrumentation.semantic_kernel.replies.facts import ReplyFacts, get, total

if TYPE_CHECKING:
    from collections.abc import Mapping


def read(facts: ReplyFacts, reply: Mapping[str, Any], _content: Any) -> None:
    """A whole answer, or one event of a stream: the last two, ``messageStop`` and ``metadata``, carry facts."""
    stop = reply.get("messageStop", reply)
    facts.finished(0, get(stop, "stopReason"))
    if (usage := get(reply.get("metadata", reply), "usage")) is not None:
        read_tokens, written = get(usage, "cacheReadInputTokens"), get(usage, "cacheWriteInputTokens")
        facts.counted(
            input_tokens=total(get(usage, "inputTokens"), read_tokens, written),
            output_tokens=get(usage, "outputTokens"),
            cache_read=read_tokens,
            cache_creation=written,
        )
