"""A harmless model server for tests of processes: a program that answers as an Ollama without models, and behaves as badly as it is told.

It imports next to nothing, so that fifty of them start in the time of one real server.
"""

# ruff: noqa: PTH104, PTH110, PTH115, PTH123, PTH208, T201
# pathlib takes longer to import than all the rest, and what it prints is its log.

import argparse
import json
import os
import signal
import socket
import sys
import threading
import time

REPLIES = {"/api/version": {"version": "0.17.4"}, "/api/tags": {"models": []}, "/api/ps": {"models": []}}
WAIT_S = 600.0
"""Longer than any test; whoever started it kills it."""


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("port", type=int)
    options.add_argument("--gate", help="a file without which it does not listen yet")
    options.add_argument("--die", type=int, help="end with this status instead of listening")
    options.add_argument("--print", dest="text", help="a line for its output")
    options.add_argument("--variable", help="a variable of its environment to print")
    options.add_argument("--ignore-term", action="store_true")
    options.add_argument("--child", help="a file for the PID of a child that lives as long as it is let")
    options.add_argument("--api-key", help="is printed")
    options.add_argument("--descriptors", help="a file for the list of its open descriptors")
    given = options.parse_args()
    if given.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for text in (given.text, given.api_key, given.variable and f"{given.variable}={os.environ.get(given.variable)}"):
        if text is not None:
            print(text, flush=True)
    if given.descriptors:
        write(given.descriptors, json.dumps(list(descriptors())))
    if given.child:
        child = os.fork()
        if child == 0:
            signal.pause()
        write(given.child, str(child))
    deadline = time.monotonic() + WAIT_S
    while given.gate and not os.path.exists(given.gate):
        if time.monotonic() > deadline:
            sys.exit("nobody opened the gate")
        time.sleep(0.01)
    if given.die is not None:
        sys.exit(given.die)
    serve(given.port)


def descriptors():
    """What each of its open descriptors leads to."""
    for each in sorted(os.listdir("/proc/self/fd"), key=int):
        try:
            yield os.readlink(f"/proc/self/fd/{each}")
        except FileNotFoundError:  # that of the list itself
            continue


def write(path: str, text: str) -> None:
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(f"{path}.new", path)


def serve(port: int) -> None:
    listening = socket.socket()
    # Beside the test's own socket, which keeps the port for it.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    print("listening", flush=True)
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: socket.socket) -> None:
    with connection:
        request = b""
        while b"\r\n\r\n" not in request:
            more = connection.recv(65536)
            if not more:
                return
            request += more
        body = json.dumps(REPLIES.get(request.decode("latin-1").split(" ")[1], {})).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)


if __name__ == "__main__":
    main()
