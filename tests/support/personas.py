"""Who a chat server says it is, path by path, as recorded from the real ones. For `ChatServer`."""

from __future__ import annotations

import json

VLLM_MODEL = "gemma-3"
OLLAMA_MODEL = "gemma3:tiny"

_JSON = "application/json"
_VLLM_METRICS = b'# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{engine="0",model_name="gemma-3"} 0.0\n'


def vllm(path: str) -> tuple[int, str, bytes]:
    """VLLM 0.32."""
    model = {
        "id": VLLM_MODEL,
        "object": "model",
        "created": 1795338099,
        "owned_by": "vllm",
        "root": "./model/tiny-hf",
        "max_model_len": 256,
    }
    known = {
        "/version": (200, _JSON, b'{"version":"0.32.0"}'),
        "/health": (200, _JSON, b""),
        "/v1/models": (200, _JSON, json.dumps({"object": "list", "data": [model]}).encode()),
        "/metrics": (200, "text/plain", _VLLM_METRICS),
    }
    return known.get(path, (404, _JSON, b'{"detail":"Not Found"}'))


def ollama(path: str) -> tuple[int, str, bytes]:
    """Ollama 0.17."""
    model = {"id": OLLAMA_MODEL, "object": "model", "created": 1795339261, "owned_by": "library"}
    known = {
        "/": (200, "text/plain; charset=utf-8", b"Ollama is running"),
        "/api/version": (200, _JSON, b'{"version":"0.17.4"}'),
        "/v1/models": (200, _JSON, json.dumps({"object": "list", "data": [model]}).encode()),
    }
    return known.get(path, (404, "text/plain", b"404 page not found"))


def nobody(path: str) -> tuple[int, str, bytes]:
    """Some web server that is no model server."""
    return 404, "text/html", b"<html><body><h1>404 Not Found</h1></body></html>"
