"""Measures one subject; runs in the subject's own environment and prints one JSON object a line.

worker.py SUBJECT (with-http|without-http) describe
worker.py SUBJECT (with-http|without-http) time BLOCKS
worker.py SUBJECT (with-http|without-http) serve        (then lines "SCENARIO (on|off) TIMES" on standard input)
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from typing import Any

from canned import SCENARIOS
from subjects import Subject
from telemetry import Telemetry

PER_BLOCK = {"call": 20, "stream": 2, "404": 20}
WARM_UP = {"call": 60, "stream": 6, "404": 60}


def describe(runner: asyncio.Runner, subject: Subject, telemetry: Telemetry) -> dict[str, Any]:
    """What the subject records for each scenario, in words and in numbers."""
    described = {}
    for scenario in SCENARIOS:
        before = telemetry.counts()
        telemetry.keep()
        runner.run(subject.switch(on=True).run(scenario, 1))
        described[scenario] = {**telemetry.kept(), "counts": dict(telemetry.counts() - before)}
    before = telemetry.counts()
    for scenario in SCENARIOS:
        runner.run(subject.switch(on=False).run(scenario, 1))
    if telemetry.counts() != before:
        raise AssertionError("the subject records although it is switched off")
    return described


def measure(runner: asyncio.Runner, subject: Subject, blocks: int) -> dict[str, list[tuple[float, float]]]:
    """Nanoseconds of this thread's CPU time for one request, (off, on) for each pair of neighbouring blocks."""

    def block(scenario: str, *, on: bool) -> float:
        times = PER_BLOCK[scenario]
        bench = subject.switch(on=on)
        runner.run(bench.run(scenario, max(1, times // 10)))  # classes were just changed: let the interpreter settle
        gc.collect()
        start = time.thread_time_ns()
        runner.run(bench.run(scenario, times))
        return (time.thread_time_ns() - start) / times

    measured = {}
    for scenario in SCENARIOS:
        pairs = []
        for pair in range(blocks):
            if pair % 2:  # the order alternates, so that neither side is always the later one
                on = block(scenario, on=True)
                off = block(scenario, on=False)
            else:
                off = block(scenario, on=False)
                on = block(scenario, on=True)
            pairs.append((off, on))
        measured[scenario] = pairs
    return measured


def serve(runner: asyncio.Runner, subject: Subject) -> None:
    """Run what standard input asks for and answer each line with one, for a counter of instructions outside."""
    say({"ready": True})
    for line in sys.stdin:
        scenario, state, times = line.split()
        gc.collect()
        runner.run(subject.switch(on=state == "on").run(scenario, int(times)))
        say({"done": line.strip()})


def say(value: Any) -> None:
    """One line of JSON, at once."""
    print(json.dumps(value), flush=True)


def main() -> None:
    """Set the subject up, warm it up, do what the arguments say."""
    name, http, mode, *rest = sys.argv[1:]
    telemetry = Telemetry()
    subject = Subject(name, telemetry, http=http == "with-http")
    with asyncio.Runner() as runner:
        if mode == "describe":
            say(describe(runner, subject, telemetry))
            return
        for scenario, times in WARM_UP.items():
            for on in (False, True):
                runner.run(subject.switch(on=on).run(scenario, times if mode == "time" else times // 6))
        gc.collect()
        gc.freeze()
        if mode == "time":
            say(measure(runner, subject, int(rest[0])))
        else:
            gc.disable()  # a full collection falls where chance puts it, and counts for more than what is measured
            serve(runner, subject)


if __name__ == "__main__":
    main()
