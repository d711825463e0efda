"""A simulated Ollama: its replies have the form of Ollama 0.17's, recorded in tests/recordings and described in Ollama's docs/api.md."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from venom_otel.testing.simulated import openai_dialect
from venom_otel.testing.simulated.server import Reply, SimulatedRuntime, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.testing.simulated.model import Answer

VERSION: Final = "0.17.4-simulated"
CHAT: Final = "/api/chat"

_WARM_LOAD_S: Final = 0.012
"""What Ollama says of a model that is in memory already: 3 to 30 ms."""


class SimulatedOllama(SimulatedRuntime):
    """Answers `/api/chat` and `/v1/chat/completions`, and says by `/` and `/api/version` that it is Ollama."""

    chats = frozenset({CHAT, openai_dialect.PATH})

    def get(self, path: str) -> Reply:
        """Say who it is and which models are installed."""
        if path == "/":
            return whole(HTTPStatus.OK, b"Ollama is running", "text/plain; charset=utf-8")
        if path == "/api/version":
            return whole(HTTPStatus.OK, {"version": VERSION})
        if path == "/api/tags":
            return whole(HTTPStatus.OK, {"models": [{"name": name, "model": name, "size": 0} for name in self.models]})
        if path == "/api/ps":
            return whole(HTTPStatus.OK, {"models": [{"name": name, "model": name, "size": 0, "size_vram": 0} for name in self.loaded]})
        if path == openai_dialect.MODELS:
            return openai_dialect.model_list(list(self.models), "library")
        return self.not_found()

    def chat(self, path: str, body: dict[str, Any]) -> Reply:
        """Answer a chat in the dialect of the path."""
        native = path == CHAT
        model = self.models.get(str(body.get("model")))
        if model is None:
            return _error(HTTPStatus.NOT_FOUND, f"model '{body.get('model')}' not found", native=native)
        options = body.get("options") or {}
        limit = (options.get("num_predict") if isinstance(options, dict) else None) if native else openai_dialect.limit(body)
        answer = self.answer(model, body.get("messages"), limit)
        if model.failure is not None:
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, model.failure, native=native, after_s=answer.first_token_s)
        if native:
            return _native(body, model.name, answer)
        return openai_dialect.reply(
            body,
            model.name,
            answer,
            reply_id=f"chatcmpl-{uuid.uuid4().int % 1000}",
            fingerprint="fp_ollama",
            fingerprint_on_chunks=True,
        )

    def not_found(self) -> Reply:
        """As Ollama's router does."""
        return whole(HTTPStatus.NOT_FOUND, b"404 page not found", "text/plain")


def _native(body: dict[str, Any], model: str, answer: Answer) -> Reply:
    before_s, generation_s = answer.load_s + answer.first_token_s, answer.token_s * len(answer.words)
    counts = {
        "done": True,
        "done_reason": answer.finish,
        "total_duration": _ns(before_s + generation_s),
        "load_duration": _ns(answer.load_s or _WARM_LOAD_S),
        "prompt_eval_count": answer.prompt_tokens,
        "prompt_eval_duration": _ns(answer.first_token_s),
        "eval_count": len(answer.words),
        "eval_duration": _ns(generation_s),
    }
    if body.get("stream") is False:  # it streams unless told otherwise
        return whole(HTTPStatus.OK, {**_part(model, answer.text), **counts}, after_s=before_s + generation_s)

    def pieces() -> Iterator[tuple[float, bytes]]:
        wait_s = before_s
        for word in answer.words:
            yield wait_s, _line({**_part(model, word), "done": False})
            wait_s = answer.token_s
        yield 0.0, _line({**_part(model, ""), **counts})

    return Reply(HTTPStatus.OK, "application/x-ndjson", pieces(), streamed=True)


def _part(model: str, content: str) -> dict[str, Any]:
    created = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {"model": model, "created_at": created, "message": {"role": "assistant", "content": content}}


def _line(part: dict[str, Any]) -> bytes:
    return json.dumps(part).encode() + b"\n"


def _error(status: HTTPStatus, words: str, *, native: bool, after_s: float = 0.0) -> Reply:
    error: Any = words if native else {"message": words, "type": "api_error", "param": None, "code": None}
    return whole(status, {"error": error}, after_s=after_s)


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
