"""A real Ollama for tests: the program `make test` builds, on a port the system picks, with a home and a model store of its own.

with OllamaServer(folder) as server:
    server.url, server.model
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Self

import httpx

from tools import build_ollama, tiny_model

if TYPE_CHECKING:
    from pathlib import Path

START_S = 30.0
LISTENING = re.compile(r'msg="Listening on 127\.0\.0\.1:(\d+) ')
MODEL = "gemma3:tiny"


class OllamaServer:
    """An Ollama server process with one tiny model, `model`; it and its runners are gone when the context is left."""

    model = MODEL

    def __init__(self, folder: Path, *, port: int = 0, environment: dict[str, str] | None = None) -> None:
        """`folder` is its home, kept between starts; `environment` adds settings such as `OLLAMA_MAX_QUEUE`."""
        self.port = port
        self._folder = folder
        self._log = folder / "ollama.log"
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The server's root, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        try:
            self.start()
            self._create_model()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start the server; the first start picks the port, later ones keep it.

        Raises:
            RuntimeError: it ended, or was not ready in time; the message has the end of its log.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),  # it writes a key there
            "TMPDIR": str(self._folder),
            "OLLAMA_MODELS": str(self._folder / "models"),
            "OLLAMA_HOST": f"127.0.0.1:{self.port}",
            "GIN_MODE": "release",
            **self._environment,
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [build_ollama.program(), "serve"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Ollama does not start: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End the server and the runners it started at once, as a crash would; its port then refuses connections."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def unload(self) -> None:
        """Put the model out of memory, so that the next request is a cold start."""
        reply = httpx.post(f"{self.url}/api/generate", json={"model": self.model, "keep_alive": 0}, timeout=START_S)
        reply.raise_for_status()
        deadline = time.monotonic() + START_S
        while httpx.get(f"{self.url}/api/ps").json()["models"]:
            if time.monotonic() > deadline:
                raise TimeoutError("Ollama keeps its model loaded")
            time.sleep(0.02)

    def _ready(self) -> bool:
        if self.port == 0:
            listening = LISTENING.search(self._log.read_text(errors="replace"))
            if listening is None:
                return False
            self.port = int(listening[1])
        try:
            return httpx.get(f"{self.url}/api/version").is_success
        except httpx.TransportError:
            return False

    def _create_model(self) -> None:
        weights = (tiny_model.build() / "tiny.gguf").read_bytes()
        digest = f"sha256:{hashlib.sha256(weights).hexdigest()}"
        with httpx.Client(base_url=self.url, timeout=START_S) as client:
            client.post(f"/api/blobs/{digest}", content=weights).raise_for_status()
            # One thread: ggml's threads spin while they wait for each other, which on a busy machine makes two slower than one by far.
            settings = {"num_thread": 1, "temperature": 0, "num_ctx": 256, "num_predict": 32}
            made = client.post("/api/create", json={"model": self.model, "files": {"tiny.gguf": digest}, "parameters": settings})
            made.raise_for_status()
            if '"success"' not in made.text:
                raise RuntimeError(f"Ollama does not take the model: {made.text[-500:]}")
