"""A registry from which a real Ollama pulls a real model over TLS, as fast as a test lets it.

with ModelRegistry(folder) as registry, OllamaServer(folder / "ollama", environment=registry.environment) as ollama:
    registry.give(0.5)          # of each blob; waits there
    ...                         # ask `ollama` for registry.model
    registry.give(1)

The wire is that of the OCI distribution specification, https://github.com/opencontainers/distribution-spec, as far as Ollama asks: a
manifest and blobs. A blob is answered with a redirect to another host, as registry.ollama.ai does; Ollama 0.17.4 relies on it.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import select
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.in_thread import InThread
from support.patience import WAIT_S
from support.tls import certificate, served_with

from tools import tiny_model

if TYPE_CHECKING:
    import socket
    from pathlib import Path

NAME = "library/tiny"
TAG = "pulled"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
PIECE = 16_384
LOOK_S = 0.05
"""Between two looks whether whoever waits is still there."""


class ModelRegistry(InThread):
    """Offers the tiny model; at first it keeps back every byte of it. `environment` makes an Ollama trust it.

    Args:
        folder: takes the certificate.
    """

    def __init__(self, folder: Path) -> None:
        if sys.platform != "linux":
            pytest.skip("Go reads SSL_CERT_FILE on Linux alone, so that no Ollama can be told to trust a registry of ours")
        super().__init__(_Handler)
        folder.mkdir(parents=True, exist_ok=True)
        pem, key = certificate(folder)
        self.socket = served_with((pem, key), self.socket)
        self.environment = {"SSL_CERT_FILE": str(pem), "NO_PROXY": "127.0.0.1,localhost"}
        self.blobs: dict[str, bytes] = {}
        self.manifest = self._model()
        self.sent = 0
        """Bytes of blobs that went out."""
        self._waiting = 0
        """Those who wait for a blob now."""
        self._given = 0.0
        self._news = threading.Condition()
        self._ended = False

    @property
    def model(self) -> str:
        """The name by which an Ollama pulls it."""
        return f"127.0.0.1:{self.port}/{NAME}:{TAG}"

    @property
    def size(self) -> int:
        """The bytes of the weights."""
        return len((tiny_model.build() / "tiny.gguf").read_bytes())

    def give(self, part: float) -> None:
        """Let so much of each blob out, as a part of 1."""
        with self._news:
            self._given = part
            self._news.notify_all()

    def wait_until_left(self) -> None:
        """Wait until nobody wants a blob any more.

        Raises:
            TimeoutError: somebody still does.
        """
        with self._news:
            if not self._news.wait_for(lambda: self._waiting == 0, WAIT_S):
                raise TimeoutError("somebody still waits for a blob")

    def send(self, content: bytes, to: socket.socket) -> None:
        """Send a part of a blob, as far as it may go out, until all is sent or nobody wants it."""
        with self._news:
            self._waiting += 1
        sent = 0
        try:
            while sent < len(content) and not self._ended and not _has_left(to):
                with self._news:
                    if sent >= self._allowed(content):
                        self._news.wait(LOOK_S)
                    upto = min(sent + PIECE, self._allowed(content))
                to.sendall(content[sent:upto])
                with self._news:
                    self.sent += upto - sent
                sent = upto
        finally:
            with self._news:
                self._waiting -= 1
                self._news.notify_all()

    def _allowed(self, content: bytes) -> int:
        return int(len(content) * self._given)

    def stop(self) -> None:
        """As every server; who waits for a blob gets no more of it."""
        with self._news:
            self._ended = True
            self._news.notify_all()
        super().stop()

    def _model(self) -> bytes:
        weights = (tiny_model.build() / "tiny.gguf").read_bytes()
        about = {"model_format": "gguf", "model_family": "llama", "model_families": ["llama"], "model_type": "459K", "file_type": "F32"}
        config = about | {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [_digest(weights)]}}
        settings = {"num_thread": 1, "temperature": 0, "num_ctx": 256, "num_predict": 32}
        layers = [self._blob(weights, "application/vnd.ollama.image.model")]
        layers.append(self._blob(json.dumps(settings).encode(), "application/vnd.ollama.image.params"))
        described = self._blob(json.dumps(config).encode(), "application/vnd.docker.container.image.v1+json")
        return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}).encode()

    def _blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        self.blobs[_digest(content)] = content
        return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ModelRegistry

    def do_HEAD(self) -> None:
        content = self._blob(f"/v2/{NAME}/blobs/")
        self._answer(404 if content is None else 200, {"Content-Length": str(len(content or b""))})

    def do_GET(self) -> None:
        if self.path == f"/v2/{NAME}/manifests/{TAG}":
            self._answer(200, {"Content-Type": MANIFEST, "Content-Length": str(len(self.server.manifest))}, self.server.manifest)
        elif self._blob(f"/v2/{NAME}/blobs/") is not None:
            place = f"https://localhost:{self.server.port}/blobs/{self.path.rpartition('/')[2]}"
            self._answer(307, {"Location": place, "Content-Length": "0"})
        elif (content := self._blob("/blobs/")) is not None:
            self._send(content)
        else:
            self._answer(404, {"Content-Length": "0"})

    def log_message(self, *args: object) -> None:
        """Keep quiet."""

    def _send(self, content: bytes) -> None:
        """A part of a blob, slowly: `Range: bytes=0-99` is what Ollama asks for."""
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        begin, end = int(first), int(last) + 1
        wanted = content[begin:end]
        self._answer(206, {"Content-Length": str(len(wanted)), "Content-Range": f"bytes {begin}-{end - 1}/{len(content)}"})
        self.server.send(wanted, self.connection)
        self.close_connection = True  # not all of it may have gone out

    def _blob(self, below: str) -> bytes | None:
        return self.server.blobs.get(self.path.removeprefix(below)) if self.path.startswith(below) else None

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _has_left(client: socket.socket) -> bool:
    """Whether it has closed the connection; it says nothing more otherwise before it has its answer."""
    return bool(select.select([client], [], [], 0)[0])


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
