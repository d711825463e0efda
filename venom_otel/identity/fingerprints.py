"""Telling servers apart by their replies: pure functions, no network.

What was seen of the real servers, and what is useless or misleading (the port; `server: uvicorn`; the body of `/health`; a bare
`/version`; the status of an unknown model), was found by running them: Ollama 0.17, vLLM 0.32, llama-server 0.5, llama-cpp-python 0.3.36,
transformers serve 5.23, LiteLLM 1.106. No proof rests on a version, a port or the case of a header's name, and a word that other programs
use as well never stands alone.

A gateway is told apart from who runs the model: `gateway` is who was asked, `provider` who answered, as far as the gateway lets through
what says so. The embedded engine counts, not the wrapper: llama-cpp-python is `llamacpp`, as llama-server is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from venom_otel import semconv
from venom_otel.identity.marks import marks_of, names_llamacpp
from venom_otel.identity.model import LITELLM, LLAMA_SWAP, LLAMACPP, OLLAMA, SGLANG, TRANSFORMERS, VLLM, Identity

_ROOT: Final = "/"
MODELS: Final = "/v1/models"
VERSION: Final = "/version"
_OLLAMA_VERSION: Final = "/api/version"
_METRICS: Final = "/metrics"
_PROPS: Final = "/props"
_LIVELINESS: Final = "/health/liveliness"
OPENAPI: Final = "/openapi.json"

_VLLM_METRIC: Final = re.compile(rb"^(?:# (?:HELP|TYPE) )?vllm:[a-z]", re.MULTILINE)
_TITLE: Final = re.compile(rb'\s*\{\s*"openapi"\s*:\s*"[^"]*"\s*,\s*"info"\s*:\s*\{\s*"title"\s*:\s*("(?:[^"\\]|\\.)*")')
"""FastAPI writes the title first, so that it is there even where a long description was cut off."""

_OK: Final = 200
_NOT_FOUND: Final = 404
_REFUSED: Final = (401, 403, 407)
_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """What one question was answered with."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    """Its beginning where it is very long."""

    def header(self, name: bytes) -> str | None:
        """The first header of this name (given in lower case), whatever its case in the reply."""
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == name), None)

    def json(self) -> Any:
        """The body of a 200, or None where it is no (whole) JSON."""
        if self.status != _OK:
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


Replies = Mapping[str, Reply | None]
"""By path below the server's root. None: asked, but no reply came."""


def questions(replies: Replies, *, public: bool) -> tuple[str, ...]:
    """The paths still worth a GET; none when the replies say enough, or the server is not there.

    Each is answered without loading a model or touching its state, and most programs need the first round alone. A public host that is
    not known is asked no more than that: a model list that the API offers anyway, and three addresses of no weight.
    """
    if not replies:
        return (_ROOT, MODELS, VERSION, _OLLAMA_VERSION)
    known = identify(replies).provider != semconv.PROVIDER_UNKNOWN
    if public or known or _own_gateway(replies) is not None or not any(replies.values()):
        return ()
    if _PROPS not in replies:
        return (_PROPS, _LIVELINESS, *((_METRICS,) if _version(replies, VERSION) is not None else ()))
    return (OPENAPI,) if OPENAPI not in replies else ()


def identify(replies: Replies) -> Identity:
    """Who the replies prove to be there; `unknown` where they prove nobody."""
    gateway, version = _gateway(replies)
    for provider, told_by in _RUNTIMES:
        if told_by(replies):
            return Identity(provider, semconv.SOURCE_SERVER, gateway, _runtime_version(provider, replies))
    return Identity(gateway=gateway, version=version)


def conclusive(replies: Replies) -> bool:
    """Whether an `unknown` from these replies is the server's last word: each question was answered, and not all were refused.

    A server error or a `too many requests` is no word at all: behind a proxy it may only mean that the server is down.
    """
    statuses = [reply.status for reply in replies.values() if reply is not None]
    heard = len(statuses) == len(replies) and all(status < _SERVER_ERRORS and status != _TOO_MANY for status in statuses)
    return heard and any(status not in _REFUSED for status in statuses)


def refused(replies: Replies) -> bool:
    """Whether a key is missing or wrong."""
    return any(reply is not None and reply.status in _REFUSED for reply in replies.values())


def models_listed(replies: Replies) -> tuple[str, ...] | None:
    """The names of the models that are listed; None where no list came."""
    if "data" not in _json(replies, MODELS):
        return None
    return tuple(name for model in _models(replies) if isinstance(name := model.get("id"), str))


# -- one function for each runtime ---------------------------------------------------------------------------------------------------


def _is_vllm(replies: Replies) -> bool:
    models, version = _models(replies), _version(replies, VERSION)
    if models:
        return _all_owned_by(models, "vllm") and (version is not None or any("max_model_len" in model for model in models))
    metrics = replies.get(_METRICS)  # stays open when an API key hides the models
    return version is not None and metrics is not None and metrics.status == _OK and bool(_VLLM_METRIC.search(metrics.body))


def _is_sglang(replies: Replies) -> bool:
    # `ModelCard` in SGLang's entrypoints/openai/protocol.py; the same shape as vLLM's, so the word alone tells them apart.
    models = _models(replies)
    return bool(models) and _all_owned_by(models, "sglang") and any("max_model_len" in model for model in models)


def _is_ollama(replies: Replies) -> bool:
    # Both: other programs copy /api/*, and a page may say the sentence.
    root = replies.get(_ROOT)
    says_so = root is not None and root.status == _OK and root.body.strip() == b"Ollama is running"
    return says_so and _version(replies, _OLLAMA_VERSION) is not None


def _is_llamacpp(replies: Replies) -> bool:
    if any(reply is not None and names_llamacpp(reply.header(b"server")) for reply in replies.values()):
        return True
    # A proxy may have put its own `Server` in place.
    models, props = _models(replies), _json(replies, _PROPS)
    owned = bool(models) and _all_owned_by(models, "llamacpp")
    routed = any("status" in model for model in models)
    if props.get("role") == "router":
        return routed
    return (owned and (routed or any("meta" in model for model in models))) or {"build_info", "default_generation_settings"} <= props.keys()


def may_be_llama_cpp_python(reply: Reply | None) -> bool:
    """Whether to ask for its description before its models, by the answer at an address that it does not have: a 404 of uvicorn's."""
    return reply is not None and reply.status == _NOT_FOUND and reply.header(b"server") == "uvicorn"


def describes_llama_cpp_python(reply: Reply | None) -> bool:
    """Whether an OpenAPI description is that of llama-cpp-python's server."""
    return "llama.cpp Python API" in _title({OPENAPI: reply})


def _is_llama_cpp_python(replies: Replies) -> bool:
    if describes_llama_cpp_python(replies.get(OPENAPI)):
        return True
    # Its documentation page may be hidden by a proxy. "me" alone is no name, but with the rest of the reply's form nobody else's.
    models, reply = _models(replies), replies.get(MODELS)
    form = bool(models) and all("permissions" in model and "created" not in model for model in models)
    return form and _all_owned_by(models, "me") and reply is not None and reply.header(b"openai-processing-ms") is not None


def _is_transformers(replies: Replies) -> bool:
    paths = _json(replies, OPENAPI).get("paths")
    return isinstance(paths, dict) and {"/load_model", "/reset", "/v1/chat/completions"} <= paths.keys()


_RUNTIMES: Final[tuple[tuple[str, Callable[[Replies], bool]], ...]] = (
    (VLLM, _is_vllm),
    (SGLANG, _is_sglang),
    (OLLAMA, _is_ollama),
    (LLAMACPP, _is_llamacpp),
    (LLAMACPP, _is_llama_cpp_python),
    (TRANSFORMERS, _is_transformers),
)
"""What the path of the API itself proves comes first: a proxy may lead other paths to other servers."""


def _gateway(replies: Replies) -> tuple[str | None, str | None]:
    """A gateway that shows itself, and its version."""
    for reply in filter(None, replies.values()):
        gateway = marks_of(reply.headers).gateway
        if gateway is not None:
            return gateway, _word_of_version(reply.header(b"x-litellm-version"))
    return _own_gateway(replies), None


def _own_gateway(replies: Replies) -> str | None:
    """The gateway whose own pages these are; a header alone may have been added to a runtime's pages on the way."""
    liveliness, models = replies.get(_LIVELINESS), _models(replies)
    if (liveliness is not None and liveliness.json() == "I'm alive!") or _title(replies).startswith("LiteLLM API"):
        return LITELLM
    return LLAMA_SWAP if models and _all_owned_by(models, LLAMA_SWAP) else None


# -- reading replies -----------------------------------------------------------------------------------------------------------------


def _json(replies: Replies, path: str) -> dict[str, Any]:
    reply = replies.get(path)
    found = reply.json() if reply is not None else None
    return found if isinstance(found, dict) else {}


def _models(replies: Replies) -> list[dict[str, Any]]:
    """The listed models; empty also where the list is no list of models."""
    data = _json(replies, MODELS).get("data")
    return data if isinstance(data, list) and all(isinstance(model, dict) for model in data) else []


def _all_owned_by(models: list[dict[str, Any]], owner: str) -> bool:
    """All of them: where only some are, a gateway has gathered the list."""
    return all(model.get("owned_by") == owner for model in models)


def _version(replies: Replies, path: str) -> str | None:
    return _word_of_version(_json(replies, path).get("version"))


def _runtime_version(provider: str, replies: Replies) -> str | None:
    if provider == LLAMACPP:
        return _word_of_version(_json(replies, _PROPS).get("build_info"))
    return _version(replies, _OLLAMA_VERSION if provider == OLLAMA else VERSION)


def _word_of_version(value: object) -> str | None:
    return value[:64] if isinstance(value, str) and value.isprintable() and value else None


def _title(replies: Replies) -> str:
    reply = replies.get(OPENAPI)
    found = _TITLE.match(reply.body) if reply is not None and reply.status == _OK else None
    try:
        title = json.loads(found[1]) if found else ""
    except ValueError:
        return ""
    return title if isinstance(title, str) else ""
