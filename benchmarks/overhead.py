"""What recording a chat costs: per call, per streamed chunk and per HTTP 404, beside the least it can cost and beside others.

    python benchmarks/overhead.py                   7 rounds of measured CPU time
    python benchmarks/overhead.py --quick           2 short rounds
    python benchmarks/overhead.py --instructions    instructions counted by callgrind, no times
    python benchmarks/overhead.py --subjects limit venom_otel --http with-http

Every number is a ratio: to the limit (`limit.py`) and to the bare request. docs/benchmarks.md explains the method and keeps results.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import random
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

from identity_server import IdentityServer
from processes import InstructionCounter, MissingToolError, ask, python_of, versions_of

SUBJECTS = ("bare", "limit", "venom_otel", "genai-openai", "openllmetry", "openinference")
HTTP = ("with-http", "without-http")
SCENARIOS = ("call", "stream", "404")
HEADINGS = {"call": "call", "stream": "chunk", "404": "HTTP 404"}
REQUESTS = {"call": 10, "stream": 2, "404": 10}
REPETITIONS = 3
"""How many requests make an instruction count, and how many counts of each kind are made in turn."""
TARGETS = {"call": 1.3, "stream": 1.5, "404": 1.3}

Shares = dict[tuple[str, str], dict[str, list[float]]]
"""For (subject, HTTP) and scenario: what was added, as a part of the bare request, one number for each round."""


def check_telemetry(url: str, subjects: list[str], modes: list[str]) -> bool:
    """Print what each subject records for a request; False where the limit and venom_otel differ."""
    same = True
    for http in modes:
        described = {subject: ask(url, subject, http, "describe") for subject in subjects}
        print(f"\nRecorded for a request, {http} (spans, metric records, log records):\n")
        print(f"| subject | {' | '.join(HEADINGS[name].replace('chunk', 'stream') for name in SCENARIOS)} |")
        print(f"|---|{'---|' * len(SCENARIOS)}")
        for subject, scenarios in described.items():
            counts = [scenarios[name]["counts"] for name in SCENARIOS]
            cells = [", ".join(str(count.get(kind, 0)) for kind in ("spans", "records", "logs")) for count in counts]
            print(f"| {subject} | {' | '.join(cells)} |")
        if {"limit", "venom_otel"} <= described.keys():
            for scenario in SCENARIOS:
                same &= _compare(scenario, http, described["limit"][scenario], described["venom_otel"][scenario])
    return same


def _compare(scenario: str, http: str, limit: dict[str, list[str]], ours: dict[str, list[str]]) -> bool:
    lines = [[line for kind in ("spans", "points", "logs") for item in side[kind] for line in item.splitlines()] for side in (limit, ours)]
    if lines[0] == lines[1]:
        return True
    print(f"\nThe limit and venom_otel record different things for {scenario}, {http}:")
    print("\n".join(difflib.unified_diff(*lines, "limit", "venom_otel", lineterm="")))
    return False


def measure_times(url: str, subjects: list[str], modes: list[str], rounds: int, blocks: int) -> Shares:
    """Thread CPU time: each round is one process for each subject, in an order of chance."""
    shares: Shares = defaultdict(lambda: defaultdict(list))
    order = [(subject, http) for http in modes for subject in subjects if subject != "bare" or http == modes[0]]
    for number in range(rounds):
        random.shuffle(order)
        for subject, http in order:
            _progress(f"round {number + 1} of {rounds}: {subject} {http}")
            for scenario, pairs in ask(url, subject, http, "time", str(blocks)).items():
                shares[subject, http][scenario].append(_added(pairs))
    _progress("")
    return shares


def _added(pairs: list[tuple[float, float]]) -> float:
    """What `on` takes more than `off`, as a part of `off`."""
    return median(on - off for off, on in pairs) / median(off for off, _ in pairs)


def count_instructions(url: str, subjects: list[str], modes: list[str]) -> Shares:
    """Instructions of the whole process: independent of the machine's load and clock; one round says it."""
    shares: Shares = defaultdict(lambda: defaultdict(list))
    for http in modes:
        for subject in subjects:
            if subject == "bare" and http != modes[0]:
                continue
            _progress(f"counting instructions: {subject} {http}")
            with InstructionCounter(url, subject, http) as counter:
                for scenario, times in REQUESTS.items():
                    pairs = [(counter.count(scenario, "off", times), counter.count(scenario, "on", times)) for _ in range(REPETITIONS)]
                    shares[subject, http][scenario].append(_added(pairs))
    _progress("")
    return shares


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{words.ljust(60)}", end="", file=sys.stderr, flush=True)


def report(what: str, shares: Shares, subjects: list[str], modes: list[str]) -> None:
    """One table for each HTTP mode: the part of the bare request, its range over the rounds, the ratio to the limit."""
    for http in modes:
        print(f"\n{what}, {http}: added to the bare request, and as a multiple of the limit\n")
        print(f"| subject | {' | '.join(f'{HEADINGS[name]} | times the limit' for name in SCENARIOS)} |")
        print(f"|---|{'--:|--:|' * len(SCENARIOS)}")
        for subject in subjects:
            found = shares.get((subject, http))
            if found is None:
                continue
            cells = []
            for scenario in SCENARIOS:
                ratio = _ratio(shares, subject, http, scenario)
                cells += [_share(found[scenario]), "" if ratio is None or subject == "bare" else f"{ratio:.2f}"]
            print(f"| {subject} | {' | '.join(cells)} |")


def _share(rounds: list[float]) -> str:
    middle = f"{median(rounds):+.1%}"
    return middle if len(rounds) == 1 else f"{middle} [{min(rounds):.1%}…{max(rounds):.1%}]"


def _ratio(shares: Shares, subject: str, http: str, scenario: str) -> float | None:
    limit = shares.get(("limit", http))
    return median(shares[subject, http][scenario]) / median(limit[scenario]) if limit else None


def targets(what: str, shares: Shares, modes: list[str]) -> bool:
    """Say for each target whether it is met; False where one is missed."""
    met = True
    for http in modes:
        if ("venom_otel", http) not in shares or ("limit", http) not in shares:
            continue
        for scenario, target in TARGETS.items():
            ratio = _ratio(shares, "venom_otel", http, scenario) or 0.0
            met &= ratio <= target
            verdict = "met" if ratio <= target else "MISSED"
            print(f"{what}, {http}: per {HEADINGS[scenario]} {ratio:.2f} times the limit, target {target}: {verdict}")
    return met


def main() -> int:
    """Measure what the arguments ask for. Exit 1: the limit records something else than venom_otel, or a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="rounds of measured time (default 7)")
    parser.add_argument("--blocks", type=int, default=24, help="pairs of blocks in a round, for each request (default 24)")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 6 pairs")
    parser.add_argument("--instructions", action="store_true", help="count instructions with callgrind instead of measuring time")
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=list(SUBJECTS), metavar="SUBJECT", help=", ".join(SUBJECTS))
    parser.add_argument("--http", nargs="+", choices=HTTP, default=list(HTTP), help="with or without the HTTP client's own spans")
    parser.add_argument("--json", type=Path, help="also write the measured shares to this file")
    options = parser.parse_args()
    subjects, modes = options.subjects, options.http
    try:
        for subject in subjects:
            python_of(subject)
            print(f"{subject}: {versions_of(subject)}")
        with IdentityServer() as server:
            same = check_telemetry(server.base_url, subjects, modes)
            if options.instructions:
                what = "Instructions"
                shares = count_instructions(server.base_url, subjects, modes)
            else:
                what = "CPU time"
                rounds, blocks = (2, 6) if options.quick else (options.rounds, options.blocks)
                print(f"\n{rounds} rounds of {blocks} pairs; load average at the start: {os.getloadavg()[0]:.1f}")
                shares = measure_times(server.base_url, subjects, modes, rounds, blocks)
    except MissingToolError as error:
        print(error, file=sys.stderr)
        return 2
    report(what, shares, subjects, modes)
    print()
    if options.json:
        options.json.write_text(json.dumps({" ".join(key): value for key, value in shares.items()}, indent=1))
    return 0 if targets(what, shares, modes) and same else 1


if __name__ == "__main__":
    sys.exit(main())
