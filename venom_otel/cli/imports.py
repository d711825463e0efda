"""`venom-otel import`: telemetry from files of OTLP/JSON lines, as `venom-otel export` and the Collector's file exporter write them."""

from __future__ import annotations

import contextlib
import gzip
import sys
import zlib
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from venom_otel.cli.options import DataDir  # noqa: TC001 - typer reads the annotations
from venom_otel.cli.output import STDOUT
from venom_otel.cli.running import Running
from venom_otel.cli.running import data_dir as directory_of
from venom_otel.cli.up import STORE
from venom_otel.errors import PayloadError, SettingsError
from venom_otel.settings import CockpitSettings, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from venom_otel.cli.sinks import Sink
    from venom_otel.store.protocol import Signal, Written

_GZIP: Final = b"\x1f\x8b"
_MAX_LINE: Final = 512 * 1024 * 1024
_WAITING: Final = 64
"""Requests that wait for the disk at once: they share its commits."""
_WAITING_BYTES: Final = 16 * 1024 * 1024
NAMES: Final = {"traces": "spans", "metrics": "points", "logs": "log records"}


def import_(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="OTLP/JSON lines, also packed by gzip; - for standard input.")],
    *,
    data_dir: DataDir = None,
) -> None:
    """Store what files hold; what is stored already is not stored twice.

    Works while `venom-otel up` runs, which is then sent everything, and while it does not. Lines that cannot be stored are named, and the
    exit status is 1; all others are stored.
    """
    from venom_otel.cli.sinks import sink

    settings = load(CockpitSettings)
    directory = directory_of(settings, data_dir)
    refused = 0
    with sink(settings, directory / STORE, Running.find(directory)) as target:
        known = _known(directory / STORE)
        for name in files:
            intake = _Intake(name, target, known)
            with _lines(name) as lines:
                intake.take(lines)
            print(intake.words())
            refused += intake.refused
    if refused:
        raise typer.Exit(1)


class _Waiting(NamedTuple):
    """A request on its way."""

    line: int
    signal: Signal
    items: int
    size: int
    done: Future[Written]


class _Intake:
    """One file on its way into the store."""

    def __init__(self, name: str, target: Sink, known: set[bytes]) -> None:
        self.refused = 0
        self._name = name
        self._target = target
        self._known = known
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._stored: Counter[str] = Counter()
        self._requests = self._again = 0

    def take(self, lines: Iterator[bytes]) -> None:
        """Store each line.

        Raises:
            StoreError: nothing more can be stored; the message says why.
        """
        from venom_otel.receiver.encoding import from_json
        from venom_otel.receiver.otlp_json import count, signal_of
        from venom_otel.store.embedded.decode import digest

        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                if len(line) > _MAX_LINE:
                    raise PayloadError("it is too long")
                signal = signal_of(line)
                if signal is None:
                    continue
                raw = from_json(signal, line)
            except PayloadError as error:
                self._refuse(number, str(error))
                continue
            self._requests += 1
            if (mark := digest(signal, raw)) in self._known:
                self._again += 1
                continue
            self._known.add(mark)
            while self._waiting and (len(self._waiting) >= _WAITING or self._waiting_bytes + len(raw) > _WAITING_BYTES):
                self._settle()
            self._waiting.append(_Waiting(number, signal, count(signal, raw), len(raw), self._target.submit(signal, raw)))
            self._waiting_bytes += len(raw)
        while self._waiting:
            self._settle()

    def words(self) -> str:
        """What became of it."""
        stored = ", ".join(f"{count} {name}" for name, count in self._stored.items() if count) or "nothing"
        again = f"; {self._again} of {self._requests} requests were here already" if self._again else ""
        refused = f"; {self.refused} lines could not be stored" if self.refused else ""
        return f"{self._name}: {stored} stored{again}{refused}"

    def _settle(self) -> None:
        one = self._waiting.popleft()
        self._waiting_bytes -= one.size
        try:
            written = one.done.result()
        except PayloadError as error:
            self._refuse(one.line, str(error))
            return
        name = NAMES[one.signal]
        self._stored[name] += max(one.items - written.rejected, 0)
        if written.rejected:
            self._refuse(one.line, f"{written.rejected} of {one.items} {name} were not stored: {written.reason}")

    def _refuse(self, number: int, words: str) -> None:
        self.refused += 1
        print(f"venom-otel: {self._name} line {number}: {words}", file=sys.stderr)


def _known(store: Path) -> set[bytes]:
    """By which every request that is stored is known."""
    from venom_otel.store.embedded.archive import Archive

    if not store.exists():
        return set()
    with Archive(store) as archive:
        return set(archive.digests())


@contextlib.contextmanager
def _lines(name: str) -> Iterator[Iterator[bytes]]:
    """The lines of a file, unpacked where it is packed.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        with contextlib.ExitStack() as streams:
            file: Any = sys.stdin.buffer if name == STDOUT else streams.enter_context(Path(name).expanduser().open("rb"))
            if file.peek(len(_GZIP)).startswith(_GZIP):
                file = streams.enter_context(gzip.GzipFile(fileobj=file))
            yield iter(lambda: file.readline(_MAX_LINE + 1), b"")
    except (OSError, EOFError, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SettingsError(f"{name} cannot be read to its end: {why}. What was read before is stored.") from None
