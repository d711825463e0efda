"""Fixtures of tests in which Semantic Kernel asks model servers that are played; a `conftest.py` imports those that its tests use."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from support import behaviours, personas
from support.app import OLLAMA, OPENAI
from support.chat_server import ChatServer

from venom_otel.identity import background
from venom_otel.instrumentation import guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.testing import Capture


@pytest.fixture(scope="session", name="of_each_dialect")
def serve_each_dialect() -> Iterator[dict[str, ChatServer]]:
    """By connector: a vLLM behind OpenAI's dialect, and an Ollama. For all tests, because learning who it is takes requests."""
    with ChatServer(personas.vllm, {"server": "uvicorn"}) as vllm, ChatServer(personas.ollama) as ollama:
        yield {OPENAI: vllm, OLLAMA: ollama}


@pytest.fixture(scope="session", name="running_vllms")
def serve_two_vllms() -> Iterator[tuple[ChatServer, ChatServer]]:
    """Two vLLMs, for all tests."""
    with ChatServer(personas.vllm, {"server": "uvicorn"}) as first, ChatServer(personas.vllm, {"server": "uvicorn"}) as second:
        yield first, second


@pytest.fixture(name="two_vllms")
def play_two_vllms(running_vllms: tuple[ChatServer, ChatServer]) -> tuple[ChatServer, ChatServer]:
    """The two, answering well and having forgotten the past."""
    for server in running_vllms:
        server.play(behaviours.answers())
    return running_vllms


@pytest.fixture
def kernel_spans(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> Capture:
    """Semantic Kernel's own spans go into `capture` too, as they do where the application sets a global tracer provider.

    Its modules bind a proxy tracer when they are imported, which stays with the first global provider of the process; so the proxies
    are replaced, and the global provider is left to the tests of the SDK's set-up.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("semantic_kernel.") and isinstance(getattr(module, "tracer", None), trace.ProxyTracer):
            monkeypatch.setattr(module, "tracer", capture.tracer_provider.get_tracer(name))
    return capture


@pytest.fixture
def in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mistakes of ours are reported once, not raised."""
    monkeypatch.setattr(guard, "RAISE", False)
    monkeypatch.delenv("VENOM_OTEL_RAISE_INTERNAL_ERRORS")
    monkeypatch.setattr(guard, "_last_report", {})
    monkeypatch.setattr(background, "_last_report", {})
