"""Two model servers on real sockets, one of each dialect."""

import sys

import pytest
from opentelemetry import trace
from support import behaviours, personas
from support.app import OLLAMA, OPENAI
from support.chat_server import ChatServer, ClosedPort
from support.collections import quick_collections  # noqa: F401 - a fixture


@pytest.fixture(scope="session")
def running():
    """By connector: a vLLM behind OpenAI's dialect, and an Ollama."""
    with ChatServer(personas.vllm, {"server": "uvicorn"}) as vllm, ChatServer(personas.ollama) as ollama:
        yield {OPENAI: vllm, OLLAMA: ollama}


@pytest.fixture
def servers(running):
    """The same, answering well and having forgotten the past."""
    for server in running.values():
        server.play(behaviours.answers())
    return running


@pytest.fixture
def urls(servers):
    """Ollama first, vLLM second."""
    return {OLLAMA: servers[OLLAMA].url, OPENAI: servers[OPENAI].url}


@pytest.fixture
def closed_port():
    """A port that refuses."""
    port = ClosedPort()
    yield port
    port.close()


@pytest.fixture
def kernel_spans(capture, monkeypatch):
    """Semantic Kernel's own spans go into `capture` too; tests/instrumentation/conftest.py says why so."""
    for name, module in list(sys.modules.items()):
        if name.startswith("semantic_kernel.") and isinstance(getattr(module, "tracer", None), trace.ProxyTracer):
            monkeypatch.setattr(module, "tracer", capture.tracer_provider.get_tracer(name))
    return capture
