"""Clients that send export requests as fast as they are answered, over several connections."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass, field
from statistics import quantiles
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from servers import Server

CONNECTIONS = 8
ANSWER_S = 600.0
_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@dataclass
class Sent:
    """How it went."""

    wall_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    """From a request to its answer."""

    def percentile_ms(self, percent: int) -> float:
        """Of the latencies."""
        return quantiles(self.latencies_s, n=100, method="inclusive")[percent - 1] * 1_000


def send(protocol: str, server: Server, bodies: Iterable[bytes]) -> Sent:
    """Send every body.

    Args:
        protocol: `http`, for which bodies are gzip, or `grpc`, which compresses them itself.
        server: where to.
        bodies: serialized export requests.

    Raises:
        RuntimeError: a request was refused.
    """
    sent, waiting, lock = Sent(), iter(bodies), threading.Lock()
    refused: list[str] = []

    def work() -> None:
        post = _http(server) if protocol == "http" else _grpc(server)
        while not refused:
            with lock:
                body = next(waiting, None)
            if body is None:
                return
            begin = time.perf_counter()
            try:
                post(body)
            except Exception as error:
                refused.append(str(error))
            sent.latencies_s.append(time.perf_counter() - begin)

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.wall_s = time.perf_counter() - begin
    if refused:
        raise RuntimeError(f"refused: {refused[0]}")
    return sent


def _http(server: Server) -> Callable[[bytes], None]:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=ANSWER_S)
    headers = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}

    def post(body: bytes) -> None:
        connection.request("POST", server.http_path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{answer.status} {said[:500]!r}")

    return post


def _grpc(server: Server) -> Callable[[bytes], None]:
    # A channel of its own for each: channels to one address share a connection otherwise.
    options = [("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options, grpc.Compression.Gzip)
    export = channel.unary_unary(_EXPORT)
    return lambda body: export(body, timeout=ANSWER_S)
