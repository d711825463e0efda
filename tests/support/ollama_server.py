"""A real Ollama for tests: the program `make test` builds, on a port the system picks, with a home and a model store of its own.

with OllamaServer(folder) as server:
    server.url, server.model
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Self

import httpx
from support.patience import WAIT_S
from support.program import Server, eventually

from tools import build_ollama, tiny_model

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "gemma3:tiny"


class OllamaServer(Server):
    """An Ollama server process with one tiny model, `model`; it and its runners are gone when the context is left."""

    model = MODEL

    def __init__(self, folder: Path, *, port: int = 0, environment: dict[str, str] | None = None) -> None:
        """`folder` is its home, kept between starts; `environment` adds settings such as `OLLAMA_MAX_QUEUE`."""
        super().__init__(folder / "ollama.log", port)
        self._environment = environment or {}

    def __enter__(self) -> Self:
        self.start()
        try:
            self._create_model()
        except BaseException:
            self.kill()
            raise
        return self

    def start(self) -> None:
        environment = {
            "HOME": str(self._folder),  # it writes a key there
            "TMPDIR": str(self._folder),
            "OLLAMA_MODELS": str(self._folder / "models"),
            "OLLAMA_HOST": f"127.0.0.1:{self.port}",
            "GIN_MODE": "release",
            **self._environment,
        }
        self._program.start([build_ollama.program(), "serve"], environment, lambda: self.answers("/api/version"))

    def unload(self) -> None:
        """Put the model out of memory, so that the next request is a cold start."""
        reply = httpx.post(f"{self.url}/api/generate", json={"model": self.model, "keep_alive": 0}, timeout=WAIT_S)
        reply.raise_for_status()
        eventually(lambda: not httpx.get(f"{self.url}/api/ps").json()["models"], WAIT_S, of=lambda: "Ollama keeps its model loaded")

    def _create_model(self) -> None:
        weights = (tiny_model.build() / "tiny.gguf").read_bytes()
        digest = f"sha256:{hashlib.sha256(weights).hexdigest()}"
        with httpx.Client(base_url=self.url, timeout=WAIT_S) as client:
            client.post(f"/api/blobs/{digest}", content=weights).raise_for_status()
            # One thread: ggml's threads spin while they wait for each other, which on a busy machine makes two slower than one by far.
            settings = {"num_thread": 1, "temperature": 0, "num_ctx": 256, "num_predict": 32}
            made = client.post("/api/create", json={"model": self.model, "files": {"tiny.gguf": digest}, "parameters": settings})
            made.raise_for_status()
            if '"success"' not in made.text:
                raise RuntimeError(f"Ollama does not take the model: {made.text[-500:]}")
