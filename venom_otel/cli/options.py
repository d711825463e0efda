"""What options of several commands say, read in one way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, overload

import typer

from venom_otel.errors import SettingsError
from venom_otel.services.moments import moment
from venom_otel.store.protocol import RequestStatus

DataDir = Annotated[
    Path | None, typer.Option(file_okay=False, help="Where venom-otel up keeps telemetry.", show_default="the user's data directory")
]
"""Whose data a command is about; `running.data_dir` says what no word means."""


@overload
def instant(option: str, words: str, now_ns: int) -> int: ...
@overload
def instant(option: str, words: None, now_ns: int) -> None: ...
@overload
def instant(option: str, words: str | None, now_ns: int) -> int | None: ...


def instant(option: str, words: str | None, now_ns: int) -> int | None:
    """A time, or how long ago, as nanoseconds since the epoch; None where nothing was said.

    Raises:
        SettingsError: it is neither; the message names the option.
    """
    if words is None:
        return None
    try:
        return moment(words, now_ns)
    except ValueError as error:
        raise SettingsError(f"{option}: {error}.") from None


def asked_status(word: str | None) -> RequestStatus | None:
    """The status of a word in any case.

    Raises:
        SettingsError: there is none of that name.
    """
    if word is None:
        return None
    if word.upper() not in RequestStatus.__members__:
        raise SettingsError(f"--status {word}: there is {', '.join(status.lower() for status in RequestStatus)}.")
    return RequestStatus(word.upper())
