"""A real llama.cpp for tests: llama-cpp-python's server, as `make test` builds it, on a port the system picks, with one tiny model.

with LlamaCppServer(folder) as server:
    server.url, server.model
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from typing import TYPE_CHECKING, Self

from tools import build_llamacpp, tiny_model

if TYPE_CHECKING:
    from pathlib import Path

START_S = 60.0
LISTENING = re.compile(r"Uvicorn running on http://127\.0\.0\.1:(\d+) ")
MODEL = "gemma-3"


class LlamaCppServer:
    """A server process with the model `model`; it is gone when the context is left."""

    model = MODEL

    def __init__(self, folder: Path, *, port: int = 0, api_key: str | None = None) -> None:
        """`folder` is its home, `api_key` what it asks for."""
        self.port = port
        self._folder = folder
        self._log = folder / "llama-cpp-python.log"
        self._api_key = api_key
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The server's root, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        try:
            self.start()
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
        # One thread: ggml's threads spin while they wait for each other, which on a busy machine makes two slower than one by far.
        model = {"model": tiny_model.build() / "tiny.gguf", "model_alias": self.model, "n_ctx": 256, "n_threads": 1, "n_threads_batch": 1}
        options = {"host": "127.0.0.1", "port": self.port, "verbose": False, **model}
        if self._api_key is not None:
            options["api_key"] = self._api_key
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [build_llamacpp.python(), "-m", "llama_cpp.server", *words],
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self._folder)},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while (listening := LISTENING.search(self._log.read_text(errors="replace"))) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"llama-cpp-python's server does not start: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        self.port = int(listening[1])

    def kill(self) -> None:
        """End the server at once, as a crash would; its port then refuses connections."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
