"""Facts out of what Semantic Kernel returns: a reader for each kind of provider's reply that a message content carries within.

Readers are found by the names of the reply's classes and packages, once for each class, so that no provider's package has to be
importable. An odd reply says less; it never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from venom_otel.instrumentation.semantic_kernel.replies import anthropic, bedrock, google, metadata, ollama, openai
from venom_otel.instrumentation.semantic_kernel.replies.facts import ReplyFacts

__all__ = ["ReplyFacts", "read_chunk", "read_reply"]

Reader = Callable[[ReplyFacts, Any, Any], None]


def read_reply(facts: ReplyFacts, contents: Sequence[Any]) -> None:
    """Add what an answer, a list of SK's `ChatMessageContent`, says."""
    read_chunk(facts, contents)


def read_chunk(facts: ReplyFacts, contents: Sequence[Any]) -> None:
    """Add what one item of a stream, a list of SK's `StreamingChatMessageContent`, says. Runs for every chunk."""
    try:
        if not contents:
            return
        content = contents[0]
        inner = content.inner_content
        reader = _readers.get(type(inner)) or _reader_of(type(inner))
        reader(facts, inner, content)
        if reader is metadata.read:  # the others read every choice from the one reply that all contents share
            for content in contents[1:]:
                reader(facts, None, content)
    except (AttributeError, TypeError, ValueError, LookupError):
        # A reply of an unforeseen shape (a server's, or a user's own service's) tells nothing; the call itself must not notice.
        return


def _read_mapping(facts: ReplyFacts, reply: Mapping[str, Any], content: Any) -> None:
    """A dictionary tells its dialect by its keys."""
    if "choices" in reply:
        openai.read(facts, reply, content)
    elif "done" in reply:
        ollama.read(facts, reply, content)
    elif not _CONVERSE.isdisjoint(reply):
        bedrock.read(facts, reply, content)
    else:
        metadata.read(facts, reply, content)


_CONVERSE: Final = frozenset({"stopReason", "messageStart", "contentBlockStart", "contentBlockDelta", "messageStop", "metadata"})

_TABLE: Final[dict[str, Reader]] = {
    "openai.ChatCompletionChunk": openai.read_chunk,
    "openai.ChatCompletion": openai.read_chunk,  # of the same shape
    "mistralai.CompletionChunk": openai.read,
    "mistralai.ChatCompletionResponse": openai.read,
    "azure.StreamingChatCompletionsUpdate": openai.read,
    "azure.ChatCompletions": openai.read,
    "ollama.ChatResponse": ollama.read,
    "anthropic.Message": anthropic.read_message,
    "anthropic.TextEvent": anthropic.read_event,
    "anthropic.ContentBlockStopEvent": anthropic.read_event,
    "anthropic.RawMessageDeltaEvent": anthropic.read_event,
    "google.GenerateContentResponse": google.read,
    "vertexai.GenerationResponse": google.read,
    "builtins.dict": _read_mapping,
}
"""Root package and class of a reply to its reader."""

_readers: dict[type, Reader] = {}


def _reader_of(cls: type) -> Reader:
    """Find the reader of a reply's class along its bases, and remember it."""
    names = (f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in cls.__mro__)
    reader = next((_TABLE[name] for name in names if name in _TABLE), metadata.read)
    _readers[cls] = reader
    return reader
