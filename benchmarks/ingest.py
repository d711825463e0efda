"""What taking in telemetry costs: from a gzip request to the answer that it is stored, over HTTP and over gRPC.

Every server gets the same requests in the same run, rounds taking turns, and is measured from outside: CPU seconds of its process until it
rests again, the time of each answer, its memory and its files. docs/benchmarks.md says what was measured and how.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import servers
import spans
from processes import MissingToolError
from senders import send

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOLS = ("http", "grpc")
TARGETS = {"floor": 1.0, "otel-desktop-viewer": 2.0, "phoenix": 300.0}
"""How many times as many spans for each CPU second as the others."""
SLOW = ("phoenix",)
SLOW_REQUESTS = 2
WARM_UP = 16
"""Requests before those that count; the slow ones get one."""


class Result(NamedTuple):
    """One server in one round."""

    spans_per_cpu_s: float
    spans_per_s: float
    p50_ms: float
    p95_ms: float
    peak_mib: float
    bytes_per_span: float


def measure(start: Callable[[], servers.Server], protocol: str, number: int, warm_up: int) -> Result:
    """Start a server, send it so many requests, and see what it took."""
    now = time.time_ns()
    made = list(spans.requests(number + warm_up, now - 60 * spans.SECOND, now, seed=now))
    bodies = [gzip.compress(raw, 1) for raw in made] if protocol == "http" else made
    with start() as server:
        send(protocol, server, bodies[:warm_up])
        server.rest()
        before = server.cpu_s()
        sent = send(protocol, server, bodies[warm_up:])
        server.rest()
        cpu_s, peak_mib = server.cpu_s() - before, server.peak_mib()
        server.stop()
        size = server.stored_bytes()
    count = number * spans.SPANS
    return Result(
        count / cpu_s, count / sent.wall_s, sent.percentile_ms(50), sent.percentile_ms(95), peak_mib, size / (count + warm_up * spans.SPANS)
    )


def report(results: dict[tuple[str, str], list[Result]]) -> None:
    """One row for each server and protocol: medians over the rounds."""
    print("\n| server | protocol | spans / CPU s | venom_otel is | spans / s | p50 ms | p95 ms | peak MiB | bytes / span |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|")
    for (name, protocol), rounds in results.items():
        middle = Result(*(median(values) for values in zip(*rounds, strict=True)))
        print(
            f"| {name} | {protocol} | {middle.spans_per_cpu_s:,.0f} | {_ratio(results, name, protocol):.2f} x | {middle.spans_per_s:,.0f} "
            f"| {middle.p50_ms:.0f} | {middle.p95_ms:.0f} | {middle.peak_mib:.0f} | {middle.bytes_per_span:.0f} |"
        )


def _ratio(results: dict[tuple[str, str], list[Result]], name: str, protocol: str) -> float:
    """How many times as many spans for each CPU second venom_otel stores: the median over the rounds, each compared within itself."""
    pairs = zip(results["venom_otel", protocol], results[name, protocol], strict=True)
    return median(ours.spans_per_cpu_s / other.spans_per_cpu_s for ours, other in pairs)


def targets(results: dict[tuple[str, str], list[Result]]) -> bool:
    """Say for each target whether it is met; False where one is missed."""
    met = True
    for name, protocol in results:
        if name in TARGETS:
            ratio = _ratio(results, name, protocol)
            met &= ratio >= TARGETS[name]
            print(f"{protocol}: {ratio:.2f} times {name}, target {TARGETS[name]:g}: {'met' if ratio >= TARGETS[name] else 'MISSED'}")
    return met


def main() -> int:
    """Measure what the arguments ask for. Exit 1: a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--requests", type=int, default=400, help=f"requests of {spans.SPANS} spans in a round (default 400)")
    parser.add_argument("--quick", action="store_true", help="1 round of 8 requests")
    parser.add_argument("--protocols", nargs="+", choices=PROTOCOLS, default=list(PROTOCOLS))
    parser.add_argument(
        "--floor", type=Path, metavar="SERVER.PY", help="a prototype's script; it takes an HTTP port, a gRPC port and a file"
    )
    parser.add_argument("--viewer", type=Path, metavar="PROGRAM", help="otel-desktop-viewer, as `go install` makes it")
    parser.add_argument("--phoenix", action="store_true", help="arize-phoenix, in an environment of its own (1 GB of downloads)")
    parser.add_argument("--json", type=Path, help="also write every result to this file")
    options = parser.parse_args()
    rounds, number = (1, 8) if options.quick else (options.rounds, options.requests)
    starts: dict[str, Callable[[], servers.Server]] = {"venom_otel": servers.venom_otel}
    if options.floor:
        starts["floor"] = partial(servers.floor, options.floor.resolve())
    if options.viewer:
        starts["otel-desktop-viewer"] = partial(servers.desktop_viewer, options.viewer.resolve())
    if options.phoenix:
        starts["phoenix"] = servers.phoenix
    print(f"{rounds} rounds of {number} requests; load average at the start: {os.getloadavg()[0]:.1f}")
    results: defaultdict[tuple[str, str], list[Result]] = defaultdict(list)
    try:
        for count in range(rounds):
            order = [(name, protocol) for protocol in options.protocols for name in starts]
            for name, protocol in order if count % 2 == 0 else order[::-1]:
                slow = name in SLOW
                result = measure(starts[name], protocol, SLOW_REQUESTS if slow else number, 1 if slow else WARM_UP)
                results[name, protocol].append(result)
                print(f"round {count + 1}: {name} {protocol} {result.spans_per_cpu_s:,.0f} spans / CPU s", file=sys.stderr)
    except MissingToolError as error:
        print(error, file=sys.stderr)
        return 2
    ordered = {(name, protocol): results[name, protocol] for protocol in options.protocols for name in starts}
    report(ordered)
    print()
    if options.json:
        options.json.write_text(json.dumps({" ".join(key): [one._asdict() for one in rounds] for key, rounds in ordered.items()}, indent=1))
    return 0 if targets(ordered) else 1


if __name__ == "__main__":
    sys.exit(main())
