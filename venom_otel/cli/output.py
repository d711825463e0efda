"""Where a command writes what may be long: standard output, or a file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from venom_otel.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

STDOUT: Final = "-"
_GZIP: Final = ".gz"
_UNFINISHED: Final = ".unfinished"


@contextlib.contextmanager
def opened(target: str) -> Iterator[IO[str]]:
    """A text stream to `target`, packed where its name ends in `.gz`; a file takes its place when the context ends without an error.

    Only its owner may read the file: what applications sent may hold what people wrote.

    Raises:
        SettingsError: it cannot be written, for instance since the disk is full; nothing of it is left then.
    """
    if target == STDOUT:
        try:
            yield sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:  # nobody reads on, as with `| head`: Typer ends the command without a word
            raise
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still in the buffer has no place to go
            raise SettingsError(f"standard output cannot be written: {_why(error)}.") from None
        return
    path = Path(target).expanduser()
    try:
        # Nothing may take the place of a device or a named pipe.
        with _replaced(path.resolve()) if path.is_file() or not path.exists() else path.open("w", encoding="utf-8", newline="") as stream:
            yield stream
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {_why(error)}. Give another place with -o.") from None


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[IO[str]]:
    """A new file beside its place, moved there when all is written."""
    unfinished = path.with_name(f"{path.name}{_UNFINISHED}")
    try:
        with contextlib.ExitStack() as streams:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            file: Any = streams.enter_context(os.fdopen(descriptor, "wb"))
            if path.suffix == _GZIP:
                file = streams.enter_context(gzip.GzipFile(path.stem, "wb", 6, file, mtime=0))
            yield streams.enter_context(io.TextIOWrapper(file, encoding="utf-8", newline=""))
        unfinished.replace(path)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _why(error: OSError) -> str | None:
    return "the disk is full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else error.strerror
