"""Ports for programs that must be told one, or that come back where they were."""

from __future__ import annotations

import socket
import sys
import weakref


def kept_port(owner: object) -> int:
    """A port of 127.0.0.1 at which whoever is told of it may listen, any number of times, and which nobody else is given meanwhile.

    It refuses connections where nobody listens. It is kept while `owner` lives: by a socket that is bound and never listens, beside which
    Linux lets servers in (they set SO_REUSEADDR). Elsewhere it is free when asked for, and no more.
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    port: int = keeper.getsockname()[1]
    if sys.platform == "linux":
        weakref.finalize(owner, keeper.close)
    else:
        keeper.close()
    return port
