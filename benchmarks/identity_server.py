"""Says who it is, as vLLM does, and nothing else: what an instrumentation that asks servers for their name finds at the benchmark's address."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

_REPLIES = {
    "/version": {"version": "0.32.0"},
    "/v1/models": {"object": "list", "data": [{"id": "meta-llama/Llama-3.1-8B-Instruct", "object": "model", "owned_by": "vllm"}]},
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        reply = _REPLIES.get(self.path)
        body = json.dumps(reply or {"detail": "Not Found"}).encode()
        self.send_response(200 if reply else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "uvicorn"

    def log_message(self, *_: object) -> None:
        """Quiet."""


class IdentityServer:
    """Runs in a thread of the measuring process's parent, on a free port of the loopback interface."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
