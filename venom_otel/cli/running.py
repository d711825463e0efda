"""Where a running `venom-otel up` is: written beside its store once it is ready, so that other commands need no address."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Self

import httpx
import platformdirs
from pydantic import TypeAdapter

from venom_otel.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from venom_otel.settings import CockpitSettings

FILE: Final = "up.json"
"""Its name in the data directory."""

HEALTH: Final = "/api/v1/health"
_ANSWER_S: Final = 5.0


def data_dir(settings: CockpitSettings, named: Path | None = None) -> Path:
    """Where telemetry is kept: the directory that an option names, else the setting's, else the user's data directory.

    It is absolute, and maybe not there yet.
    """
    return (named or settings.data_dir or platformdirs.user_data_path("venom-otel", appauthor=False)).expanduser().absolute()


@dataclass(frozen=True, slots=True)
class Running:
    """A running `venom-otel up`."""

    pid: int
    page: str
    """Base URLs that work on this machine, here and below."""
    otlp: str
    otlp_grpc: str | None
    """None where gRPC is not listened for."""
    token: str
    """For write actions of the API."""

    @contextlib.contextmanager
    def written(self, directory: Path) -> Iterator[Path]:
        """Write it to `directory`; it is there while the context lasts.

        Raises:
            StoreError: it cannot be written.
        """
        path = directory / FILE
        unfinished = directory / f".{FILE}.{os.getpid()}"
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump(asdict(self), file)
            unfinished.replace(path)  # readers see the whole of it or none
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}.") from None
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @classmethod
    def find(cls, directory: Path) -> Self | None:
        """The one whose data lies in `directory`, if it runs: what `kill -9` left behind is told apart by asking."""
        try:
            found = TypeAdapter(cls).validate_json((directory / FILE).read_bytes())
        except (OSError, ValueError):
            return None
        return found if _lives(found.pid) and found.answers() else None

    def answers(self) -> bool:
        """Whether a cockpit answers at the page's address."""
        try:
            # Never through a proxy: it is on this machine.
            reply = httpx.get(f"{self.page}{HEALTH}", timeout=_ANSWER_S, trust_env=False)
        except (httpx.TransportError, httpx.InvalidURL):
            return False
        # Full or damaged, it is still the one that runs.
        return reply.status_code in {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and is another user's
        pass
    return True
