"""Which model is configured, kept in the `.env` of the working directory, by python-dotenv."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dotenv import set_key, unset_key
from dotenv.parser import parse_stream

from venom_otel.errors import SettingsError
from venom_otel.services.configuration import ENDPOINT, MODEL, InUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import typer

FILE: Final = ".env"


class DotenvConfiguration:
    """A `Configuration` in a `.env` file, which takes its place when all is written, with everything else in it as it was.

    Args:
        path: the file; it need not be there yet.
        from_file: the variables of this process that were read from it. Any other that is set overrules the file.
    """

    def __init__(self, path: Path, from_file: Iterable[str]) -> None:
        self._path = path
        self._from_file = set(from_file)
        self._in_use = InUse(os.environ.get(MODEL, "").strip(), os.environ.get(ENDPOINT, "").strip())

    @property
    def in_use(self) -> InUse:
        """See `Configuration`."""
        return self._in_use

    @property
    def from_file(self) -> frozenset[str]:
        """The variables of this process that come from the file."""
        return frozenset(self._from_file)

    def objection(self, wanted: InUse) -> str | None:
        """See `Configuration`."""
        for name in self._changes(wanted):
            if name in os.environ and name not in self._from_file:
                return (
                    f"{name} is set in the environment in which `venom-otel up` was started, which wins over {FILE}: unset it there and "
                    "start `venom-otel up` again"
                )
        return None

    def use(self, wanted: InUse) -> None:
        """See `Configuration`."""
        if (words := self.objection(wanted)) is not None:
            raise SettingsError(f"{words}.")
        changes = self._changes(wanted)
        try:
            _write(self._path, changes)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SettingsError(f"{self._path} cannot be changed: {why}.") from None
        self._in_use = wanted
        for name, value in changes.items():  # the commands that are started from here inherit them
            if value:
                os.environ[name] = value
                self._from_file.add(name)
            else:
                os.environ.pop(name, None)

    def _changes(self, wanted: InUse) -> dict[str, str]:
        """The variables to write; the model's in any case, for somebody may have edited the file."""
        return {MODEL: wanted.model} | ({ENDPOINT: wanted.endpoint} if wanted.endpoint != self._in_use.endpoint else {})


def from_dotenv(context: typer.Context) -> frozenset[str]:
    """The variables of this process that the command line has read from the file; see `cli.app`."""
    return context.obj if isinstance(context.obj, frozenset) else frozenset()


def _write(path: Path, changes: Mapping[str, str]) -> None:
    """Put variables into a file, or take those without a value out of it; through a link into the file that it leads to."""
    place = Path(os.path.realpath(path))
    descriptor, name = tempfile.mkstemp(prefix=f"{FILE}.", dir=place.parent)  # which only its owner may read
    os.close(descriptor)
    copy = Path(name)
    try:
        if place.exists():
            shutil.copyfile(place, copy)
        exported = _exported(copy)
        for variable, value in changes.items():
            if value:
                set_key(copy, variable, value, export=variable in exported)
            elif variable in _variables(copy):
                unset_key(copy, variable)
        if place.exists():
            shutil.copymode(place, copy)
            with contextlib.suppress(OSError):  # another user's file stays that user's where we may
                known = place.stat()
                os.chown(copy, known.st_uid, known.st_gid)
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        copy.replace(place)
    finally:
        copy.unlink(missing_ok=True)


def _variables(path: Path) -> dict[str, str]:
    """The lines that set variables, by name."""
    with path.open(encoding="utf-8") as file:
        return {binding.key: binding.original.string for binding in parse_stream(file) if binding.key is not None}


def _exported(path: Path) -> set[str]:
    """The variables that are set by `export NAME=value`, as a shell that reads the file wants it."""
    return {name for name, line in _variables(path).items() if line.lstrip().startswith("export ")}
