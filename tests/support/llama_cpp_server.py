"""A real llama.cpp for tests: llama-cpp-python's server, as `make test` builds it, on a port the system picks, with one tiny model.

with LlamaCppServer(folder) as server:
    server.url, server.model
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.program import Server

from tools import build_llamacpp, tiny_model

if TYPE_CHECKING:
    from pathlib import Path

LISTENING = "Uvicorn running on http://127.0.0.1:"
MODEL = "gemma-3"


class LlamaCppServer(Server):
    """A server process with the model `model`; it is gone when the context is left."""

    model = MODEL

    def __init__(self, folder: Path, *, port: int = 0, api_key: str | None = None) -> None:
        """`folder` is its home, `api_key` what it asks for."""
        super().__init__(folder / "llama-cpp-python.log", port)
        self._api_key = api_key

    def start(self) -> None:
        # One thread: ggml's threads spin while they wait for each other, which on a busy machine makes two slower than one by far.
        model = {"model": tiny_model.build() / "tiny.gguf", "model_alias": self.model, "n_ctx": 256, "n_threads": 1, "n_threads_batch": 1}
        options = {"host": "127.0.0.1", "port": self.port, "verbose": False, **model}
        if self._api_key is not None:
            options["api_key"] = self._api_key
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [build_llamacpp.python(), "-m", "llama_cpp.server", *words]
        self._program.start(command, {"HOME": str(self._folder)}, lambda: LISTENING in self.log)
