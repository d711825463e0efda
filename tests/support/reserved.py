"""Ports for programs that must be told one: free when asked for, each given once."""

from __future__ import annotations

import socket

_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on; another program may still be faster, which the caller's start then shows."""
    while True:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            port: int = reserved.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
