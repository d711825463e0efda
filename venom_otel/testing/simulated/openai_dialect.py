"""`/v1/chat/completions` in OpenAI's dialect, as vLLM 0.32 and Ollama 0.17 speak it; the differences are arguments."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from venom_otel.testing.simulated.server import Reply, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.testing.simulated.model import Answer

PATH: Final = "/v1/chat/completions"
MODELS: Final = "/v1/models"


def limit(body: dict[str, Any]) -> object:
    """The most tokens that a request asks for."""
    return body.get("max_completion_tokens") or body.get("max_tokens")


def reply(body: dict[str, Any], model: str, answer: Answer, *, reply_id: str, fingerprint: str, fingerprint_on_chunks: bool) -> Reply:
    """The reply to a chat request, whole or as server-sent events.

    Args:
        body: the request's.
        model: who answers.
        answer: what it says.
        reply_id: the completion's id.
        fingerprint: `system_fingerprint` of the reply.
        fingerprint_on_chunks: whether every chunk of a stream has it (Ollama), or the last one alone (vLLM).
    """
    usage = {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": len(answer.words),
        "total_tokens": answer.prompt_tokens + len(answer.words),
    }
    head = {"id": reply_id, "created": int(time.time()), "model": model}
    if not body.get("stream"):
        message = {"role": "assistant", "content": answer.text}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}
        found = {**head, "object": "chat.completion", "choices": [choice], "system_fingerprint": fingerprint, "usage": usage}
        return whole(200, found, after_s=answer.load_s + answer.first_token_s + answer.token_s * len(answer.words))

    wants_usage = isinstance(options := body.get("stream_options"), dict) and bool(options.get("include_usage"))
    chunk = {**head, "object": "chat.completion.chunk", **({"system_fingerprint": fingerprint} if fingerprint_on_chunks else {})}

    def pieces() -> Iterator[tuple[float, bytes]]:
        wait_s = answer.load_s + answer.first_token_s
        for number, word in enumerate(answer.words):
            last = number == len(answer.words) - 1
            delta = {"role": "assistant", "content": word} if number == 0 else {"content": word}
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": answer.finish if last else None}
            yield wait_s, _event({**chunk, "choices": [choice]})
            wait_s = answer.token_s
        if wants_usage:
            yield 0.0, _event({**chunk, "choices": [], "usage": usage, "system_fingerprint": fingerprint})
        yield 0.0, b"data: [DONE]\n\n"

    return Reply(200, "text/event-stream; charset=utf-8", pieces(), streamed=True)


def model_list(names: list[str], owner: str, **more: Any) -> Reply:
    """`/v1/models`."""
    now = int(time.time())
    data = [{"id": name, "object": "model", "created": now, "owned_by": owner, **more} for name in names]
    return whole(200, {"object": "list", "data": data})


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
