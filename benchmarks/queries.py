"""What the page's questions cost at a hundred thousand, a million and ten million spans, idle and while telemetry comes in at full speed.

The stores are made once and kept in the user's cache; each is measured in a process that serves reads beside its writer, as `venom-otel up` is.
docs/benchmarks.md says what was measured and how.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple, Self

import spans
from processes import CACHE

from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.embedded.schema import current_version
from venom_otel.store.protocol import Dimension, RequestFilter, RequestStatus, RequestSummary, Search, Signal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

SIZES = (100_000, 1_000_000, 10_000_000)
QUICK_SIZES = (2_000, 10_000)
DAYS = 7
END_NS = 1_790_000_000 * spans.SECOND // spans.DAY * spans.DAY
"""All stores end here, so that they can be kept."""
STREAMS = 0.3
GENERATION = 3
"""Of the spans in kept stores; raise it where spans.py changes."""
TARGET = 3.0
"""How many times as much as in the smallest store a question may cost in the largest."""
REPETITIONS = 15
IN_FLIGHT = 16

MINUTE, HOUR = 60 * spans.SECOND, 3_600 * spans.SECOND
NOW_NS = END_NS - 1
PAGE = 50
SERVER = (Dimension.PROVIDER, Dimension.MODEL, Dimension.ENDPOINT)


def since(ago_ns: int) -> RequestFilter:
    """Requests from so long before the end."""
    return RequestFilter(since_ns=NOW_NS - ago_ns, until_ns=NOW_NS)


def questions(store: EmbeddedStore, one: RequestSummary, middle: int) -> dict[str, Callable[[], Awaitable[object]]]:
    """What the page asks, by name; of one request's trace and service, which the last hour has in every store."""
    failed = RequestStatus.FAILED
    last_hour = {"since_ns": NOW_NS - HOUR, "until_ns": NOW_NS}
    return {
        "newest 50": lambda: store.requests(RequestFilter(), PAGE),
        "an older page": lambda: store.requests(RequestFilter(before=middle), PAGE),
        "by provider and model": lambda: store.requests(RequestFilter(provider="vllm", model="Qwen/Qwen2.5-32B-Instruct"), PAGE),
        "failed only": lambda: store.requests(RequestFilter(status=failed), PAGE),
        "failed, by model and kind": lambda: store.requests(RequestFilter(status=failed, model="gpt-4o", error_kind="timeout"), PAGE),
        "last hour, by service": lambda: store.requests(RequestFilter(service=one.service, **last_hour), PAGE),
        "one request": lambda: store.request(one.trace_id, one.span_id),
        "one trace, whole": lambda: store.trace(one.trace_id),
        "text in the last hour, one step": lambda: store.search(RequestFilter(**last_hour), Search("connection_error"), PAGE),
        "absent text in the last hour, all": lambda: search_all(store, RequestFilter(**last_hour), Search("no such words")),
        "figures 1 h": lambda: store.aggregates(since(HOUR), by=SERVER),
        "figures 24 h": lambda: store.aggregates(since(24 * HOUR), by=SERVER),
        "figures 7 d": lambda: store.aggregates(since(DAYS * spans.DAY), by=SERVER),
        "chart 1 h by minute": lambda: store.aggregates(since(HOUR), by=(Dimension.STATUS,), step_ns=MINUTE),
        "chart 24 h by 15 min": lambda: store.aggregates(since(24 * HOUR), by=(Dimension.STATUS,), step_ns=15 * MINUTE),
        "chart 24 h by hour": lambda: store.aggregates(since(24 * HOUR), by=(Dimension.STATUS,), step_ns=HOUR),
        "chart 7 d by 6 h": lambda: store.aggregates(since(DAYS * spans.DAY), by=(Dimension.STATUS,), step_ns=6 * HOUR),
        "what it holds": store.usage,
    }


UNBOUNDED = frozenset({"absent text in the last hour, all"})
"""What costs as much as there is to look at; shown, but held to no target."""


async def search_all(store: EmbeddedStore, which: RequestFilter, query: Search) -> int:
    """Search step by step until nothing is left; how many steps it took."""
    steps, before = 0, None
    while steps == 0 or before is not None:
        found = await store.search(RequestFilter(since_ns=which.since_ns, until_ns=which.until_ns, before=before), query, PAGE)
        steps, before = steps + 1, found.reached
    return steps


def feed(store: EmbeddedStore, requests: Iterable[bytes], ended: Callable[[], bool] = lambda: False) -> int:
    """Write requests as fast as the store takes them; how many spans they had."""
    waiting: deque = deque()
    written = 0
    for raw in requests:
        if ended():
            break
        waiting.append(store.write(Signal.TRACES, raw))
        if len(waiting) >= IN_FLIGHT:
            written += waiting.popleft().result().items
    return written + sum(one.result().items for one in waiting)


def prepared(size: int, folder: Path) -> Path:
    """A store of so many spans over seven days; made where it is missing."""
    path = folder / f"queries-{current_version()}-{GENERATION}-{size}.sqlite3"
    if not path.exists():
        print(f"making a store of {size:,} spans: {path}", file=sys.stderr)
        draft = path.with_name(f"{path.name}.draft")
        for old in folder.glob(f"{draft.name}*"):
            old.unlink()
        with EmbeddedStore(draft, min_free_bytes=0) as store:
            feed(store, spans.requests(-(-size // spans.SPANS), END_NS - DAYS * spans.DAY, END_NS - 1, streams=STREAMS))
        draft.rename(path)
        draft.with_name(f"{draft.name}.lock").unlink()
    return path


class Ingest:
    """Telemetry that comes in as fast as the store takes it, from a thread, until the context is left."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._made = list(spans.requests(512, END_NS, END_NS + 60 * spans.SECOND, seed=2, streams=STREAMS))
        self._store = store
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.spans_per_s = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        begin, written, seed = time.perf_counter(), 0, 2
        while not self._ended.is_set():
            written += feed(self._store, self._made, self._ended.is_set)
            seed += 1
            if not self._ended.is_set():
                self._made = list(spans.requests(512, END_NS, END_NS + 60 * spans.SECOND, seed=seed, streams=STREAMS))
        self.spans_per_s = written / (time.perf_counter() - begin)


class Taken(NamedTuple):
    """What asking once took, in milliseconds."""

    wall_ms: float
    cpu_ms: float
    """Of the whole process: of the question alone only while nothing else is done."""


async def ask(store: EmbeddedStore, repetitions: int) -> dict[str, list[Taken]]:
    """What each question took, the first time not counted."""
    newest = await store.requests(RequestFilter(), spans.SPANS)
    one = newest[len(newest) // 2]
    taken: dict[str, list[Taken]] = {}
    for name, question in questions(store, one, newest[0].sequence // 2).items():
        await question()
        taken[name] = []
        for _ in range(repetitions):
            begin, cpu_begin = time.perf_counter(), time.process_time()
            await question()
            taken[name].append(Taken((time.perf_counter() - begin) * 1_000, (time.process_time() - cpu_begin) * 1_000))
    return taken


def measure(path: Path, repetitions: int) -> tuple[dict[str, list[Taken]], dict[str, list[Taken]]]:
    """Idle, then while telemetry comes in; on a copy, which the latter makes grow."""
    with tempfile.TemporaryDirectory(prefix="queries-", dir=path.parent) as folder:
        copy = Path(shutil.copy(path, folder))
        with EmbeddedStore(copy, min_free_bytes=0) as store:
            idle = asyncio.run(ask(store, repetitions))
            with Ingest(store) as ingest:
                busy = asyncio.run(ask(store, repetitions))
            print(f"{path.name}: {copy.stat().st_size / 1e6:,.0f} MB; {ingest.spans_per_s:,.0f} spans/s came in beside", file=sys.stderr)
    return idle, busy


def report(results: dict[int, tuple[dict[str, list[Taken]], dict[str, list[Taken]]]]) -> bool:
    """One row for each question; False where one costs too many times as much in the largest store."""
    sizes = sorted(results)
    print(
        f"\nMilliseconds, medians; while telemetry comes in also the 95th percentile. Ratios: {sizes[-1]:,} to {sizes[0]:,} spans, idle; "
        "that of CPU time does not count what others do on the machine.\n"
    )
    print(
        f"| question | {' | '.join(f'{size:,}' for size in sizes)} | ratio | of CPU | {' | '.join(f'{size:,}, busy' for size in sizes)} |"
    )
    print(f"|---|{'--:|' * (2 * len(sizes) + 2)}")
    met = True
    for name in results[sizes[0]][0]:
        idle = [Taken(*map(median, zip(*results[size][0][name], strict=True))) for size in sizes]
        busy = [[taken.wall_ms for taken in results[size][1][name]] for size in sizes]
        ratio, of_cpu = (largest / smallest for largest, smallest in zip(idle[-1], idle[0], strict=True))
        missed = of_cpu > TARGET and name not in UNBOUNDED
        met &= not missed
        later = [f"{median(times):.1f} / {quantiles(times, n=20, method='inclusive')[-1]:.1f}" for times in busy]
        cells = [*(f"{taken.wall_ms:.1f}" for taken in idle), f"{ratio:.1f}", f"{of_cpu:.1f}{' MISSED' if missed else ''}", *later]
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"\nNo question costs more than {TARGET:g} times as much CPU time: {'met' if met else 'MISSED'}")
    return met


def main() -> int:
    """Measure what the arguments ask for. Exit 1: the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES), help="spans of each store (default 100000 1000000 10000000)")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, help=f"of each question (default {REPETITIONS})")
    parser.add_argument("--quick", action="store_true", help="small stores, made in a folder that is removed; no target")
    parser.add_argument("--json", type=Path, help="also write every time to this file")
    options = parser.parse_args()
    print(f"load average at the start: {os.getloadavg()[0]:.1f}")
    if options.quick:
        with tempfile.TemporaryDirectory(prefix="venom-otel-queries-") as folder:
            report({size: measure(prepared(size, Path(folder)), 3) for size in QUICK_SIZES})
        return 0
    CACHE.mkdir(parents=True, exist_ok=True)
    results = {size: measure(prepared(size, CACHE), options.repetitions) for size in sorted(options.sizes)}
    if options.json:
        options.json.write_text(json.dumps({size: {"idle": idle, "busy": busy} for size, (idle, busy) in results.items()}, indent=1))
    return 0 if report(results) else 1


if __name__ == "__main__":
    sys.exit(main())
