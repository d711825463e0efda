"""What every server of `socketserver` that a test talks to has in common: a thread, and an end that takes its connections along."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from typing import Any, Self

POLL_S = 0.01
"""How soon it sees that it shall end."""


class InThread(socketserver.ThreadingTCPServer):
    """Answers on 127.0.0.1 while its context is open.

    Args:
        handler: makes the answers.
        port: 0 for a free one.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, handler: type[socketserver.BaseRequestHandler], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.port: int = self.server_address[1]
        self.connections: set[Any] = set()
        """Sockets of those that are open."""
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL_S,), name=type(self).__name__)

    @property
    def url(self) -> str:
        """The server's root, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Die: refuse connections and break those that are open. Doing it twice does no harm."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
            for connection in list(self.connections):
                with contextlib.suppress(OSError):  # the client was quicker
                    connection.shutdown(socket.SHUT_RDWR)
            self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember a connection, and have it answered in a thread of its own."""
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget one that has ended."""
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is no error of the server's."""
