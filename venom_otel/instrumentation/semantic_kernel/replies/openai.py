"""Replies of OpenAI's chat completions dialect, and of Mistral's and Azure AI Inference's, whose own types have the same shape.

What the servers send, from real recordings: Ollama, vLLM and llama-server send usage in a chunk of its own without choices; transformers
with the last text; vLLM on every chunk where told so; llama-cpp-python never. vLLM names its fingerprint on the last chunk only.
llama-server adds ``timings`` (milliseconds) to the last chunk and to whole answers, which give the token counts without usage.
Groq's usage carries ``queue_time``, ``prompt_time`` and ``completion_time`` (seconds).
"""

from __future__ import annotations

from typing import Any, Final

from venom_otel.instrumentation.semantic_kernel.replies.facts import ReplyFacts, get, seconds, total

_MILLIS: Final = 1_000


def read_chunk(facts: ReplyFacts, chunk: Any, _content: Any) -> None:
    """A chunk or a whole answer of the openai package's own types. On the path of every streamed chunk: most cost four attribute reads."""
    if facts.response_id is None:
        _read_head(facts, chunk)
    ended = False
    for choice in chunk.choices:
        if choice.finish_reason is not None:
            facts.finished(choice.index, choice.finish_reason)
            ended = True
    usage = chunk.usage
    if usage is not None:
        _read_usage(facts, usage)
        ended = True
    if ended:
        _read_tail(facts, chunk)


def read(facts: ReplyFacts, reply: Any, _content: Any) -> None:
    """A whole answer or a chunk of another package's type or of none (a dictionary)."""
    _read_head(facts, reply)
    for position, choice in enumerate(get(reply, "choices") or ()):
        index = get(choice, "index")
        facts.finished(position if index is None else index, get(choice, "finish_reason"))
    if (usage := get(reply, "usage")) is not None:
        _read_usage(facts, usage)
    _read_tail(facts, reply)


def _read_head(facts: ReplyFacts, reply: Any) -> None:
    facts.answered(response_id=get(reply, "id"), model=get(reply, "model"), fingerprint=get(reply, "system_fingerprint"))


def _read_usage(facts: ReplyFacts, usage: Any) -> None:
    asked, answered = get(usage, "prompt_tokens_details"), get(usage, "completion_tokens_details")
    facts.counted(
        input_tokens=get(usage, "prompt_tokens"),
        output_tokens=get(usage, "completion_tokens"),
        cache_read=get(asked, "cached_tokens"),
        cache_creation=get(asked, "cache_write_tokens"),
        reasoning=get(answered, "reasoning_tokens"),
    )
    if (extra := _extra(usage)) and "queue_time" in extra:
        facts.queue_s = seconds(extra["queue_time"])
        facts.prompt_s = seconds(extra.get("prompt_time"))
        facts.generation_s = seconds(extra.get("completion_time"))


def _read_tail(facts: ReplyFacts, reply: Any) -> None:
    facts.answered(fingerprint=get(reply, "system_fingerprint"))
    timings = (_extra(reply) or {}).get("timings")
    if not isinstance(timings, dict):
        return
    facts.prompt_s = seconds(timings.get("prompt_ms"), _MILLIS)
    facts.generation_s = seconds(timings.get("predicted_ms"), _MILLIS)
    facts.counted(
        input_tokens=total(timings.get("prompt_n"), timings.get("cache_n")),
        output_tokens=timings.get("predicted_n"),
        cache_read=timings.get("cache_n"),
    )


def _extra(model: Any) -> dict[str, Any] | None:
    """The fields of a reply that its type does not know; for a dictionary, all of them."""
    return model if isinstance(model, dict) else getattr(model, "model_extra", None)
