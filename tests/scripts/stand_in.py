"""Stands in for vLLM: takes any arguments, listens at `--host` and `--port`, and says at any path what it was started with.

`STAND_IN`, words with blanks between: `dies` at once, is `deaf` to connections, `ignores` SIGTERM, has a `child`.
"""

# ruff: noqa: PTH115, PTH123, PTH208, T201 - pathlib takes longer to import than all the rest

import json
import os
import signal
import socket
import sys

MODES = os.environ.get("STAND_IN", "").split()


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


def descriptors() -> dict[str, str]:
    paths = {number: f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")}
    return {number: os.readlink(path) for number, path in paths.items() if os.path.lexists(path)}  # without the listing's own


def main() -> None:
    if "dies" in MODES:
        sys.exit("no such device")
    if "ignores" in MODES:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = 0
    if "child" in MODES:
        child = os.fork()
        if child == 0:
            signal.pause()
    with open("/proc/self/status", encoding="ascii") as status:
        ignored = next(line.split()[1] for line in status if line.startswith("SigIgn"))
    about = {"arguments": sys.argv[1:], "environment": dict(os.environ), "child": child, "ignored": int(ignored, 16)}
    about["descriptors"] = descriptors()
    body = json.dumps(about).encode()
    print("ready", flush=True)
    if "deaf" in MODES:
        signal.pause()
    listening = socket.socket()
    # Beside the test's own socket, which keeps the port for it.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((option("--host"), int(option("--port"))))
    listening.listen()
    while True:
        connection, _ = listening.accept()
        with connection:
            if connection.recv(65536):
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                connection.sendall(head.encode() + body)


main()
