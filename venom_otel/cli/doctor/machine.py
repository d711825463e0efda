"""What `venom-otel up` needs of this machine: its ports and its data directory."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from venom_otel.cli.doctor.findings import broken, note, ok, warning
from venom_otel.cli.ports import reserve
from venom_otel.cli.running import data_dir
from venom_otel.cli.up import STORE
from venom_otel.errors import SettingsError
from venom_otel.store.embedded import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from venom_otel.cli.doctor.findings import Finding
    from venom_otel.cli.running import Running
    from venom_otel.settings import CockpitSettings

_MIB: Final = 1024 * 1024
# Of SQLite's file format: https://www.sqlite.org/fileformat.html#the_database_header
_HEADER_BYTES: Final = 100
_MAGIC: Final = b"SQLite format 3\x00"
_USER_VERSION: Final = slice(60, 64)
_APPLICATION_ID: Final = slice(68, 72)


def check(settings: CockpitSettings, running: Running | None) -> Iterator[Finding]:
    """Look at the ports and the data directory.

    Args:
        settings: which ones.
        running: the cockpit that runs on that directory, if one does.
    """
    if running is not None:
        yield ok(f"`venom-otel up` runs: {running.page} (pid {running.pid})")
    else:
        yield note("`venom-otel up` does not run on this data directory")
    yield from _ports(settings, running)
    yield from _data(data_dir(settings), settings.min_free_bytes)


def _ports(settings: CockpitSettings, running: Running | None) -> Iterator[Finding]:
    listened = {urlsplit(url).port for url in (running.page, running.otlp, running.otlp_grpc) if url} if running is not None else set()
    for what, port, option in (
        ("the page", settings.port, "--port"),
        ("OTLP over HTTP", settings.otlp_port, "--otlp-port"),
        *([("OTLP over gRPC", settings.otlp_grpc_port, "--otlp-grpc-port")] if settings.otlp_grpc else []),
    ):
        if port == 0:
            yield ok(f"port of {what}: any that is free")
        elif port in listened:
            yield ok(f"port {port}, {what}: `venom-otel up` listens")
        else:
            yield _free_or_held(settings.host, port, what, option, needed=running is None)


def _free_or_held(host: str, port: int, what: str, option: str, *, needed: bool) -> Finding:
    try:
        reserve(host, port, option).close()
    except SettingsError as error:
        words = f"port {port}, {what}: {error}"
        return warning(words) if needed else note(words)
    return ok(f"port {port}, {what}: free")


def _data(directory: Path, min_free_bytes: int) -> Iterator[Finding]:
    # What is not there yet is made at the first start, below the nearest directory that is.
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield broken(
            f"telemetry cannot be kept in {directory}: {there} {'is not writable' if there.is_dir() else 'is no directory'}",
            "make it writable for this user, or set VENOM_OTEL_DATA_DIR",
        )
        return
    free = shutil.disk_usage(there).free
    room = f"{free // _MIB:,} MiB free"
    if free < min_free_bytes:
        yield broken(
            f"telemetry is kept in {directory}, but there is only {room}: nothing more is stored",
            f"make room, or lower VENOM_OTEL_MIN_FREE_BYTES (now {min_free_bytes // _MIB:,} MiB)",
        )
    else:
        yield ok(f"telemetry is kept in {directory}, {room}")
    if (directory / STORE).exists():
        yield _store(directory / STORE)


def _store(path: Path) -> Finding:
    another = "set VENOM_OTEL_DATA_DIR to another directory, or move the file away"
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        return broken(f"the store {path} cannot be read: {error.strerror}", "make it readable for this user")
    if not header.startswith(_MAGIC) or int.from_bytes(header[_APPLICATION_ID], "big") != schema.APPLICATION_ID:
        return broken(f"{path} is no store of venom-otel", another)
    version, current = int.from_bytes(header[_USER_VERSION], "big"), schema.current_version()
    if version > current:
        return broken(f"the store is of version {version}, by a newer venom-otel; this one knows {current}", f"upgrade, or {another}")
    size = sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))
    brought = "" if version == current else f"; the next start brings it to version {current}"
    return ok(f"the store is of version {version}, {size // _MIB:,} MiB{brought}")
