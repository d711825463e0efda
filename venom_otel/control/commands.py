"""The commands that the settings name: argv, never a shell line, and nothing but what a variable holds."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from venom_otel.control.model import Action
from venom_otel.errors import SettingsError
from venom_otel.identity.redaction import MASK, redact
from venom_otel.runtimes.finding import configured
from venom_otel.runtimes.names import variable_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from venom_otel.settings import RuntimeSettings

_SHELL: Final = frozenset({"&", "&&", "|", "||", "|&", ";", "<", ">", ">>", "2>", "2>&1", "&>"})
"""Words that mean something to a shell alone; a program would get them as arguments."""
_SECRET_OPTION: Final = re.compile(r"--?[\w-]*(?:key|token|secret|password|passwd|pwd|credential)", re.IGNORECASE)
_SECRET_VARIABLE: Final = re.compile(r"\w*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|_PWD|CREDENTIAL)")
_SHORTEST: Final = 8
"""A shorter value of such a variable may be any word, and masking it would make a log unreadable."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments."""

    variable: str
    """That names it."""
    argv: tuple[str, ...]

    def shown(self, secrets: Iterable[str] = ()) -> str:
        """As one would type it, without credentials."""
        masked: list[str] = []
        secret = False
        for word in self.argv:
            if word.startswith("-"):
                secret = _SECRET_OPTION.fullmatch(word) is not None
                masked.append(word)
            else:
                masked.append(MASK if secret else word)
        known = (*secrets, *self.secrets())
        return " ".join(_quoted(word, redact(word, known)) for word in masked)

    def secrets(self) -> Iterator[str]:
        """The credentials among its arguments, which the program may print."""
        secret = False
        for word in self.argv:
            if word.startswith("-"):
                option, _, value = word.partition("=")
                secret = _SECRET_OPTION.fullmatch(option) is not None
                if secret and value:
                    yield value
            elif secret:
                yield word
            elif "=" in word and _SECRET_VARIABLE.fullmatch(word.partition("=")[0]):  # of `env KEY=… program`
                yield word.partition("=")[2]


class Commands:
    """Those of all servers.

    Raises:
        SettingsError: one cannot be used; the message names its variable.
    """

    def __init__(self, settings: RuntimeSettings) -> None:
        self._settings = settings
        named: dict[str, str] = {}
        for runtime in configured(settings):
            other = named.setdefault(variable_prefix(runtime.name), runtime.name)
            for action in Action:
                if self.of(runtime.name, action) is not None and other != runtime.name:
                    raise SettingsError(f"{variable(runtime.name, action)} could be of {other} or of {runtime.name}; rename one of them.")
        for field in type(settings).model_fields:
            if field.endswith("_command"):
                _parse(field.upper(), getattr(settings, field))

    def of(self, name: str, action: Action) -> Command | None:
        """The command for an action on the server of that name; None where its variable is not set.

        Raises:
            SettingsError: it cannot be used. Only for a server that nobody named: of all others, it is said at the start.
        """
        name_of_it = variable(name, action)
        field = name_of_it.lower()
        value = getattr(self._settings, field) if field in type(self._settings).model_fields else os.environ.get(name_of_it, "")
        return _parse(name_of_it, value)

    def usable(self, name: str) -> Mapping[Action, Command]:
        """Those of a server that are set and can be used."""
        found: dict[Action, Command] = {}
        for action in Action:
            with contextlib.suppress(SettingsError):
                if (command := self.of(name, action)) is not None:
                    found[action] = command
        return found


def variable(name: str, action: Action) -> str:
    """What names the command: `BIG_START_COMMAND` for the server `big`."""
    return f"{variable_prefix(name)}_{action.upper()}_COMMAND"


def secrets_of_environment() -> Iterator[str]:
    """What the environment holds under names like `…_API_KEY`: what is started inherits it, and may print it."""
    return (value for name, value in os.environ.items() if len(value) >= _SHORTEST and _SECRET_VARIABLE.fullmatch(name.upper()))


def _quoted(word: str, shown: str) -> str:
    return shown if shlex.quote(word) == word or word == MASK else shlex.quote(shown)


def _parse(name: str, value: str) -> Command | None:
    try:
        argv = tuple(shlex.split(value))
    except ValueError as error:
        raise SettingsError(f"{name} cannot be read ({str(error).lower()}): quote it as one would for a shell.") from None
    if not argv:
        return None
    if "\0" in value:
        raise SettingsError(f"{name} has a NUL in it, which no program can be given.")
    for word in argv:
        if word in _SHELL:
            raise SettingsError(
                f"{name} has a {word!r} in it, but no shell reads it: name one program with its arguments, or put the line into a script."
            )
    if not argv[0]:
        raise SettingsError(f"{name} begins with an empty word, where the program's name should be.")
    return Command(name, argv)
