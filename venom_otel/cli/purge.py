"""`venom-otel purge`: delete what is stored."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Final

import httpx
import typer

from venom_otel.cli.options import DataDir, instant
from venom_otel.cli.running import Running
from venom_otel.cli.running import data_dir as directory_of
from venom_otel.cli.up import STORE
from venom_otel.errors import CockpitError, SettingsError, StoreError
from venom_otel.settings import CockpitSettings, load
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from venom_otel.store.embedded import EmbeddedStore

_STORE: Final = "/api/v1/store"
_ANSWER_S: Final = 10.0
_DELETING_S: Final = 3600.0
"""Deleting is not broken off: ten million spans take most of a minute."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MIB: Final = 1024 * 1024


def purge(
    *,
    before: Annotated[str | None, typer.Option(help="All that arrived before: 2026-11-22, or how long ago, 7d.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is stored.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Delete what arrived before a time, or everything, and give the space back to the disk.

    Works while `venom-otel up` runs and while it does not; what arrives meanwhile is kept.
    """
    if everything == (before is not None):
        raise SettingsError("say what to delete: either --before 7d (or a date), or --all.")
    before_ns = None if before is None else instant("--before", before, time.time_ns())
    settings = load(CockpitSettings)
    directory = directory_of(settings, data_dir)
    with _keeper(settings, directory) as keeper:
        if not yes and not _agreed(keeper.usage(), before_ns):
            raise typer.Exit(1)
        done = keeper.purge(before_ns)
    print(f"Deleted {_counts(done)}; {done['freed_bytes'] / _MIB:.1f} MiB went back to the disk.")


def _agreed(usage: dict[str, Any], before_ns: int | None) -> bool:
    if not sys.stdin.isatty():
        raise SettingsError("--yes: there is nobody here to ask; add it if all of that is to be deleted.")
    if before_ns is None:
        return typer.confirm(f"Delete everything: {_counts(usage)}?")
    moment = (_EPOCH + timedelta(seconds=before_ns // 1_000_000_000)).isoformat(" ")
    return typer.confirm(f"Delete what arrived before {moment}, of {_counts(usage)}?")


def _counts(of: dict[str, Any]) -> str:
    return f"{of['spans']} spans ({of['requests']} requests to models), {of['points']} points and {of['records']} log records"


@contextlib.contextmanager
def _keeper(settings: CockpitSettings, directory: Path) -> Iterator[_Running | _Own]:
    """Whoever may delete: the `venom-otel up` that runs, else this process."""
    running = Running.find(directory)
    if running is not None:
        yield _Running(running)
        return
    from venom_otel.store.embedded import EmbeddedStore

    path = directory / STORE
    if not path.exists():
        raise StoreError(f"there is no store at {path} yet: nothing is to be deleted.")
    with EmbeddedStore.from_settings(path, settings) as store:
        yield _Own(store)


class _Own:
    """A store that this process has opened."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store

    def usage(self) -> dict[str, Any]:
        """As the API has it."""
        usage = asyncio.run(self._store.usage())
        return _named(usage.items, usage.requests)

    def purge(self, before_ns: int | None) -> dict[str, Any]:
        """As the API has it."""
        done = asyncio.run(self._store.purge(before_ns))
        return _named(done.items, done.requests) | {"freed_bytes": done.freed_bytes}


class _Running:
    """The store of a running `venom-otel up`, through its API."""

    def __init__(self, running: Running) -> None:
        self._page = running.page
        self._token = running.token

    def usage(self) -> dict[str, Any]:
        """See the API.

        Raises:
            CockpitError: it refuses, or no longer answers.
        """
        return self._ask("GET", "", _ANSWER_S)

    def purge(self, before_ns: int | None) -> dict[str, Any]:
        """See the API.

        Raises:
            CockpitError: it refuses, or no longer answers.
        """
        if before_ns is None:
            what: dict[str, Any] = {"all": True}
        else:
            what = {"before": (_EPOCH + timedelta(microseconds=before_ns // 1_000)).isoformat()}
        return self._ask("POST", "/purge", _DELETING_S, what)

    def _ask(self, method: str, path: str, timeout: float, body: dict[str, Any] | None = None) -> dict[str, Any]:
        url = f"{self._page}{_STORE}{path}"
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            reply = httpx.request(method, url, json=body, headers=headers, timeout=timeout, trust_env=False)
            said: dict[str, Any] = reply.json()
        except (httpx.TransportError, ValueError) as error:
            raise CockpitError(f"the venom-otel up at {self._page} does not answer ({error}). Try again, or end it first.") from None
        if not reply.is_success:
            raise CockpitError(f"the venom-otel up at {self._page} answers: {said.get('detail', reply.status_code)}")
        return said


def _named(items: Mapping[Signal, int], requests: int) -> dict[str, Any]:
    return {"spans": items[Signal.TRACES], "points": items[Signal.METRICS], "records": items[Signal.LOGS], "requests": requests}
