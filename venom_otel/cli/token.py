"""The token that write actions of the API ask for: made once, kept beside the store, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Final

from venom_otel.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from venom_otel.settings import CockpitSettings

FILE: Final = "token"
"""Its name in the data directory."""

_BYTES: Final = 32
_LEAST_CHARACTERS: Final = 16


def token(settings: CockpitSettings, data_dir: Path) -> str:
    """The token to ask for: the setting's, else the data directory's, else a new one that is kept there.

    Args:
        settings: `VENOM_OTEL_TOKEN` wins over the file.
        data_dir: exists.

    Raises:
        SettingsError: the setting cannot be sent in a header or is too short to keep anyone out. Its value is not shown.
        StoreError: the file can be neither read nor written.
    """
    if chosen := given(settings):
        return chosen
    path = data_dir / FILE
    try:
        return _kept(path) or _made(path)
    except OSError as error:
        raise StoreError(f"the token {path} cannot be kept: {error.strerror}. VENOM_OTEL_DATA_DIR names another directory.") from None


def given(settings: CockpitSettings) -> str:
    """What `VENOM_OTEL_TOKEN` says; empty where it says nothing.

    Raises:
        SettingsError: as for `token`.
    """
    chosen = settings.token.get_secret_value() if settings.token is not None else ""
    if chosen and (len(chosen) < _LEAST_CHARACTERS or not _is_sendable(chosen)):
        raise SettingsError(
            f"VENOM_OTEL_TOKEN must have at least {_LEAST_CHARACTERS} characters, all of them visible ASCII. "
            "Leave it out and one is made and kept in the data directory."
        )
    return chosen


def _kept(path: Path) -> str | None:
    """What the file holds; None where there is none or it is damaged. Others' right to read it is taken away."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    if len(text) < _LEAST_CHARACTERS or not _is_sendable(text):
        path.unlink()
        return None
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return text


def _made(path: Path) -> str:
    made = secrets.token_urlsafe(_BYTES)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(made + "\n")
    return made


def _is_sendable(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
