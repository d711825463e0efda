"""Replies of Ollama's own dialect, as the ollama package's `ChatResponse` or as a dictionary.

Only the last part of a stream (``done``) carries counts and durations, in nanoseconds (Ollama's docs/api.md, "Generate a chat completion").
"""

from __future__ import annotations

from typing import Any, Final

from venom_otel.instrumentation.semantic_kernel.replies.facts import ReplyFacts, get, seconds

COLD_START: Final = 0.1
"""Seconds. Measured with Ollama 0.17.4: ``load_duration`` is 3 to 30 ms with the model in memory, 300 ms and more where it is loaded."""

_NANOS: Final = 1_000_000_000


def read(facts: ReplyFacts, part: Any, _content: Any) -> None:
    """A whole answer or one part of a stream; a part that is not the last costs two attribute reads."""
    if facts.response_model is None:
        facts.answered(model=get(part, "model"))
    if not get(part, "done"):
        return
    facts.finished(0, get(part, "done_reason"))
    facts.counted(input_tokens=get(part, "prompt_eval_count"), output_tokens=get(part, "eval_count"))
    facts.load_s = seconds(get(part, "load_duration"), _NANOS)
    facts.prompt_s = seconds(get(part, "prompt_eval_duration"), _NANOS)
    facts.generation_s = seconds(get(part, "eval_duration"), _NANOS)
    if facts.load_s is not None:
        facts.cold_start = facts.load_s >= COLD_START
