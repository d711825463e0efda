"""A simulated vLLM: its replies have the form of vLLM 0.32's, recorded in tests/recordings."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any, Final

from venom_otel.testing.simulated import openai_dialect
from venom_otel.testing.simulated.server import Reply, SimulatedRuntime, whole

VERSION: Final = "0.32.0+simulated"

_METRICS: Final = """\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0"}} {running}.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0"}} 0.0
"""


class SimulatedVllm(SimulatedRuntime):
    """Answers `/v1/chat/completions`, and says by `/version` and `/v1/models` that it is vLLM."""

    chats = frozenset({openai_dialect.PATH})

    def get(self, path: str) -> Reply:
        """Say who it is and which models it serves."""
        if path == "/version":
            return whole(HTTPStatus.OK, {"version": VERSION})
        if path == "/health":
            return whole(HTTPStatus.OK, b"")
        if path == "/metrics":
            return whole(HTTPStatus.OK, _METRICS.format(running=self.running).encode(), "text/plain; version=0.0.4; charset=utf-8")
        if path == openai_dialect.MODELS:
            return openai_dialect.model_list(list(self.models), "vllm", parent=None, max_model_len=8192)
        return self.not_found()

    def chat(self, path: str, body: dict[str, Any]) -> Reply:  # noqa: ARG002 - there is one path
        """Answer a chat; a request without a model is the first one's."""
        name = body.get("model") or next(iter(self.models))
        model = self.models.get(name)
        if model is None:
            words = f"The model `{name}` does not exist. Valid aliases: {', '.join(self.models)}."
            return _error(HTTPStatus.NOT_FOUND, words, "NotFoundError", "model")
        answer = self.answer(model, body.get("messages"), openai_dialect.limit(body))
        if model.failure is not None:
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, model.failure, "InternalServerError", after_s=answer.first_token_s)
        return openai_dialect.reply(
            body,
            model.name,
            answer,
            reply_id=f"chatcmpl-{uuid.uuid4().hex[:16]}",
            fingerprint=f"vllm-{VERSION}-00000000",
            fingerprint_on_chunks=False,
        )

    def not_found(self) -> Reply:
        """As FastAPI does."""
        return whole(HTTPStatus.NOT_FOUND, {"detail": "Not Found"})


def _error(status: HTTPStatus, words: str, kind: str, param: str | None = None, *, after_s: float = 0.0) -> Reply:
    return whole(status, {"error": {"message": words, "type": kind, "param": param, "code": int(status)}}, after_s=after_s)
