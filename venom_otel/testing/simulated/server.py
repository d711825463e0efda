"""The HTTP half of a simulated runtime: a server on a port of 127.0.0.1, in threads of its own."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self

from venom_otel.testing.simulated.model import answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from venom_otel.testing.simulated.model import Answer, SimulatedModel

JSON: Final = "application/json"
SERVER: Final = "venom-otel-simulated"
"""The `Server` header of every reply, so that nobody takes one for a real server's."""

_JOIN_S: Final = 5.0
_REMEMBERED: Final = 1000
_LARGEST_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply in pieces, each with the seconds to wait before it is sent. One that is not streamed is sent whole, with its length."""

    status: int
    content_type: str
    pieces: Iterable[tuple[float, bytes]]
    streamed: bool = False


def whole(status: int, body: Any, content_type: str = JSON, *, after_s: float = 0.0) -> Reply:
    """A reply at once, or after some seconds; `body` is bytes, or something for JSON."""
    return Reply(status, content_type, [(after_s, body if isinstance(body, bytes) else json.dumps(body).encode())])


class SimulatedRuntime(ABC):
    """A runtime that answers; a context manager. `models` are those that it has; a request for another one is answered 404.

    Args:
        models: at least one.
        seed: the same seed gives the same answers, lengths and times in the same order of requests.
        speed: how many times faster than `models` say; tests want a large one.
        port: where it listens on 127.0.0.1; 0 for a free one.
    """

    def __init__(self, *models: SimulatedModel, seed: int = 0, speed: float = 1.0, port: int = 0) -> None:
        self.models = {model.name: model for model in models}
        self.requests: deque[tuple[str, dict[str, Any]]] = deque(maxlen=_REMEMBERED)
        """Path and body of the newest POSTs, oldest first."""
        self._speed = speed
        self._port = port
        self._chance = random.Random(seed)  # noqa: S311 - variety, not secrets
        self._loaded: set[str] = set()
        self._running = 0
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The server's root, without a trailing slash; only while it runs."""
        if self._server is None:
            raise RuntimeError("the simulated runtime does not run: use it in a `with` block")
        return f"http://127.0.0.1:{self._server.server_port}"

    chats: frozenset[str]
    """Paths that take a POST."""

    @abstractmethod
    def get(self, path: str) -> Reply:
        """Answer a GET."""

    @abstractmethod
    def chat(self, path: str, body: dict[str, Any]) -> Reply:
        """Answer a POST to one of `chats`."""

    @abstractmethod
    def not_found(self) -> Reply:
        """Answer whatever goes to a path that it does not have."""

    def __enter__(self) -> Self:
        self._server = _Server(self, self._speed, self._port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="simulated-runtime", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        server, self._server = self._server, None
        if server is not None and self._thread is not None:
            server.shutdown()
            server.end_connections()
            server.server_close()
            self._thread.join(_JOIN_S)

    def answer(self, model: SimulatedModel, messages: object, limit: object) -> Answer:
        """Make up an answer; the first of each model pays for loading it."""
        with self._lock:
            load = model.name not in self._loaded
            self._loaded.add(model.name)
            return answer(model, messages, limit, self._chance, load=load)

    @property
    def loaded(self) -> list[str]:
        """The models that have been asked, and so are in memory."""
        with self._lock:
            return [name for name in self.models if name in self._loaded]

    @property
    def running(self) -> int:
        """How many chats are being answered now."""
        return self._running

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """While a chat is being answered."""
        with self._lock:
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    def note(self, path: str, body: dict[str, Any]) -> None:
        """Remember a POST."""
        with self._lock:
            self.requests.append((path, body))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    """Clients that come at the same moment; of more than 5, which is the default, some would be cut off."""

    def __init__(self, runtime: SimulatedRuntime, speed: float, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.runtime = runtime
        self.speed = speed
        self.ending = threading.Event()
        self._open: dict[threading.Thread, socket.socket] = {}

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._open[threading.current_thread()] = request
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._open[threading.current_thread()]

    def end_connections(self) -> None:
        """Let go of clients that keep their connections open, and of replies that are still on their way."""
        self.ending.set()
        for thread, connection in list(self._open.items()):
            with contextlib.suppress(OSError):  # closed meanwhile
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(_JOIN_S)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle of a reply is no error; anything else is a mistake of ours and shown."""
        import sys

        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def version_string(self) -> str:
        return SERVER

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""

    def do_GET(self) -> None:
        self._send(self.server.runtime.get(self._path))

    def do_POST(self) -> None:
        runtime = self.server.runtime
        try:
            length = int(self.headers.get("Content-Length", ""))
            body = json.loads(self.rfile.read(length)) if 0 <= length <= _LARGEST_BYTES else None
        except ValueError:
            body = None
        if self._path not in runtime.chats:
            self.close_connection = True  # with what was not read
            self._send(runtime.not_found())
            return
        if not isinstance(body, dict):
            self.close_connection = True
            self._send(whole(HTTPStatus.BAD_REQUEST, {"error": "the body is no JSON object of a known length"}))
            return
        runtime.note(self._path, body)
        with runtime.at_work():
            self._send(runtime.chat(self._path, body))

    @property
    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _send(self, reply: Reply) -> None:
        pieces = iter(reply.pieces)
        wait_s, piece = next(pieces)
        self._wait(wait_s)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        if not reply.streamed:
            self.send_header("Content-Length", str(len(piece)))
            self.end_headers()
            self.wfile.write(piece)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._write_chunk(piece)
        for wait_s, piece in pieces:
            self._wait(wait_s)
            self._write_chunk(piece)
        self._write_chunk(b"")

    def _wait(self, seconds: float) -> None:
        if self.server.ending.wait(seconds / self.server.speed):
            raise ConnectionAbortedError

    def _write_chunk(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
