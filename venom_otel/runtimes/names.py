"""What runtimes are called by people, and the ports they take by themselves."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from venom_otel.identity.model import LITELLM, LLAMA_SWAP, LLAMACPP, OLLAMA, SGLANG, TRANSFORMERS, VLLM

OPENAI: Final = "openai"

LABELS: Final = MappingProxyType(
    {
        OLLAMA: "Ollama",
        VLLM: "vLLM",
        LLAMACPP: "llama.cpp",
        OPENAI: "OpenAI",
        SGLANG: "SGLang",
        TRANSFORMERS: "transformers serve",
        LITELLM: "LiteLLM",
        LLAMA_SWAP: "llama-swap",
    }
)

USUAL_PORTS: Final = MappingProxyType(
    {
        11434: "Ollama",
        8000: "vLLM",
        8080: "llama-server",
        1234: "LM Studio",
        30000: "SGLang",
        4000: "LiteLLM",
    }
)
"""Ports that runtimes take by themselves on this machine. Who really answers there is asked, never taken from this."""

USUAL_TAG: Final = ":latest"
"""What Ollama puts behind the name of a model that has no tag."""

_AT_HOME: Final = MappingProxyType({11434: OLLAMA, 8000: VLLM, 8080: LLAMACPP, 30000: SGLANG, 4000: LITELLM})


def label(provider: str) -> str:
    """A provider's name for people; its own name where none is known."""
    return LABELS.get(provider, provider)


def variable_prefix(provider: str) -> str:
    """What the variables of a provider begin with: `MY_SERVER` of `my-server`."""
    return re.sub(r"[^A-Z0-9]", "_", provider.upper())


def same_model(one: str, other: str) -> bool:
    """Whether two names mean one model of a server: to Ollama, one without a tag is one with `:latest`."""
    return one.removesuffix(USUAL_TAG) == other.removesuffix(USUAL_TAG)


def address_variable(provider: str) -> str:
    """The variable that says where a provider's servers are."""
    return "OPENAI_BASE_URL" if provider == OPENAI else f"{variable_prefix(provider)}_ENDPOINT"


def at_home(provider: str, port: int) -> bool:
    """Whether this is the port that a provider takes by itself."""
    return _AT_HOME.get(port) == provider
