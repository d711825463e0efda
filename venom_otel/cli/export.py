"""`venom-otel export`: what is stored, as OTLP for other programs, or the list of requests for tables."""

from __future__ import annotations

import sys
import time
from collections import Counter
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Annotated

import typer

from venom_otel.cli.nothing import say
from venom_otel.cli.options import DataDir, asked_status, instant
from venom_otel.cli.output import STDOUT, opened
from venom_otel.cli.running import data_dir as directory_of
from venom_otel.cli.up import STORE
from venom_otel.errors import SettingsError
from venom_otel.services import tables
from venom_otel.settings import CockpitSettings, load
from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.protocol import RequestFilter, Signal

if TYPE_CHECKING:
    from collections.abc import Collection

    from venom_otel.store.embedded.archive import Archive


class Format(StrEnum):
    """What is written."""

    OTLP = "otlp"
    JSONL = "jsonl"
    CSV = "csv"


def export(
    *,
    format_: Annotated[
        Format, typer.Option("--format", help="otlp: every span, point and log record; jsonl, csv: the list of requests.")
    ] = Format.OTLP,
    output: Annotated[
        str, typer.Option("--output", "-o", help="A file, packed where its name ends in .gz, or - for standard output.")
    ] = STDOUT,
    signal: Annotated[list[Signal] | None, typer.Option(help="otlp: only this one; may be given several times.")] = None,
    since: Annotated[str | None, typer.Option(help="Only from then on: 2026-11-22, 2026-11-22T21:04:05Z, or how long ago, 7d.")] = None,
    until: Annotated[str | None, typer.Option(help="Only up to then, as --since.")] = None,
    last: Annotated[str | None, typer.Option(help="Only the last 30m, 24h, 7d.")] = None,
    status: Annotated[str | None, typer.Option(help="jsonl, csv: only these: completed, failed or cancelled.")] = None,
    provider: Annotated[str | None, typer.Option(help="jsonl, csv: only those this provider answered.")] = None,
    model: Annotated[str | None, typer.Option(help="jsonl, csv: only those that asked for this model.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="jsonl, csv: only those to this base URL.")] = None,
    service: Annotated[str | None, typer.Option(help="jsonl, csv: only those of this application.")] = None,
    error_kind: Annotated[str | None, typer.Option(help="jsonl, csv: only failures of this kind.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Write what is stored: as OTLP, which `venom-otel import` and the Collector read, or as the list of requests.

    Works while `venom-otel up` runs and while it does not.
    """
    filters = {"provider": provider, "model": model, "endpoint": endpoint, "service": service, "error_kind": error_kind, "status": status}
    given = [f"--{name.replace('_', '-')}" for name, value in filters.items() if value is not None]
    if format_ is Format.OTLP and given:
        raise SettingsError(f"{given[0]}: filters of requests are for --format jsonl and csv; otlp takes --signal and times.")
    if format_ is not Format.OTLP and signal:
        raise SettingsError("--signal: the list of requests is made of traces alone; it is for --format otlp.")
    if last is not None and since is not None:
        raise SettingsError("--last: give either --last or --since.")
    now = time.time_ns()
    since_ns = instant("--last" if last else "--since", last or since, now)
    until_ns = instant("--until", until, now)
    # Imported here: --help and the errors above need not wait for it.
    from venom_otel.store.embedded.archive import Archive

    settings = load(CockpitSettings)
    directory = directory_of(settings, data_dir)
    with Archive(directory / STORE) as archive, opened(output) as out:
        if format_ is Format.OTLP:
            counts = _otlp(archive, out, signal or tuple(Signal), since_ns or 0, until_ns or MAX_INT64)
            written = counts.total()
            words = ", ".join(f"{count} requests of {name}" for name, count in counts.items()) or "nothing"
        else:
            which = RequestFilter(
                provider=provider,
                model=model,
                endpoint=endpoint,
                service=service,
                status=asked_status(status),
                error_kind=error_kind,
                since_ns=since_ns,
                until_ns=until_ns,
            )
            written = _requests(archive, which, tables.Format(format_), out)
            words = f"{written} requests"
    if output != STDOUT:
        print(f"{words} written to {output}", file=sys.stderr)
    elif not written:
        limits = (signal, since_ns, until_ns, *filters.values())
        say("nothing to export: nothing that is stored matches." if any(limits) else "nothing to export: nothing is stored yet.")


def _otlp(archive: Archive, out: IO[str], signals: Collection[Signal], since_ns: int, until_ns: int) -> Counter[Signal]:
    from venom_otel.receiver.otlp_json import to_json

    written: Counter[Signal] = Counter()
    for stored in archive.requests(signals, since_ns, until_ns):
        out.write(to_json(stored.signal, stored.raw) + "\n")
        written[stored.signal] += 1
    return written


def _requests(archive: Archive, which: RequestFilter, form: tables.Format, out: IO[str]) -> int:
    """Write requests, oldest first; how many."""
    from venom_otel.api import models

    out.write(tables.head(form))
    count = 0
    for line in tables.lines(form, (models.listed(summary).model_dump(mode="json") for summary in archive.summaries(which))):
        out.write(line)
        count += 1
    return count
