"""Servers on real sockets, one of each kind for all tests: starting one is cheap, learning who it is takes requests."""

import sys

import pytest
from opentelemetry import trace
from support import personas
from support.app import OLLAMA, OPENAI
from support.chat_server import ChatServer, ClosedPort
from support.collections import quick_collections  # noqa: F401 - a fixture


@pytest.fixture(scope="session")
def servers():
    """By connector: a vLLM behind OpenAI's dialect, and an Ollama."""
    with ChatServer(personas.vllm, {"server": "uvicorn"}) as vllm, ChatServer(personas.ollama) as ollama:
        yield {OPENAI: vllm, OLLAMA: ollama}


@pytest.fixture
def closed_port():
    """A port that refuses."""
    port = ClosedPort()
    yield port
    port.close()


@pytest.fixture
def kernel_spans(capture, monkeypatch):
    """Semantic Kernel's own spans go into `capture` too, as they do where the application sets a global tracer provider.

    Its modules bind a proxy tracer when they are imported, which stays with the first global provider of the process; so the proxies
    are replaced, and the global provider is left to the tests of the SDK's set-up.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("semantic_kernel.") and isinstance(getattr(module, "tracer", None), trace.ProxyTracer):
            monkeypatch.setattr(module, "tracer", capture.tracer_provider.get_tracer(name))
    return capture
