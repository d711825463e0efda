"""What holds: every setting with its value and where that comes from. No secret is ever among the values."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from venom_otel.control.commands import Command
from venom_otel.identity.redaction import MASK, redact
from venom_otel.services.configuration import ENDPOINT, MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from pydantic_settings import BaseSettings

    from venom_otel.services.configuration import InUse

_COMMAND: Final = re.compile(r"\w+_(?:START|STOP|RESTART)_COMMAND")
_SECRET: Final = re.compile(r"(?:^|_)(?:HEADERS|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(?:_|$)")
_STANDARD: Final = "OTEL_"
"""What variables of OpenTelemetry begin with."""


class Source(StrEnum):
    """Where a value comes from; the first of them that has one wins."""

    OPTION = "option"
    """Of the command that was started."""
    ENVIRONMENT = "environment"
    FILE = ".env"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it holds now."""

    variable: str
    value: str
    """As one would write it, secrets masked; empty where it says nothing."""
    source: Source
    description: str
    secret: bool = False
    """Whether `value` is `***` for whatever it is."""


@dataclass(frozen=True, slots=True)
class Section:
    """Settings about one thing."""

    name: str
    settings: Sequence[Setting]


@dataclass(frozen=True, slots=True)
class Installation:
    """Where this program is."""

    version: str
    page: str
    """Base URLs, like the next."""
    otlp: str
    otlp_grpc: str | None
    data_dir: Path
    env_file: Path
    """Which is read at the start, where it is there."""


class InForce:
    """Knows the settings of this process.

    Args:
        installation: where it is.
        sections: what was loaded, by the name of what it is about.
        options: the variables that options of the command have overruled.
        environment: of this process.
        from_file: the variables in it that come from `.env`; asked each time.
        in_use: what is configured now, which changes while the process runs.
    """

    def __init__(
        self,
        installation: Installation,
        sections: Mapping[str, BaseSettings],
        *,
        options: AbstractSet[str],
        environment: Mapping[str, str],
        from_file: Callable[[], AbstractSet[str]],
        in_use: Callable[[], InUse],
    ) -> None:
        self.installation = installation
        self._sections = sections
        self._options = options
        self._environment = environment
        self._from_file = from_file
        self._in_use = in_use
        loaded = (value for section in sections.values() for _, value in section)
        self._secrets = tuple(value.get_secret_value() for value in loaded if isinstance(value, SecretStr) and value.get_secret_value())

    def now(self) -> Sequence[Section]:
        """Every setting, in the order of its section; last, where there are any, the standard variables that are set."""
        found = [Section(name, [*self._of(loaded), *self._unlisted(loaded)]) for name, loaded in self._sections.items()]
        standard = [self._set(name, self._environment[name], "") for name in sorted(self._environment) if name.startswith(_STANDARD)]
        return [*found, Section("OpenTelemetry", standard)] if standard else found

    def _of(self, loaded: BaseSettings) -> Iterator[Setting]:
        in_use = self._in_use()
        live = {MODEL: in_use.model, ENDPOINT: in_use.endpoint}
        prefix = str(loaded.model_config.get("env_prefix", ""))
        for name, field in type(loaded).model_fields.items():
            variable = f"{prefix}{name}".upper()
            value = live.get(variable, getattr(loaded, name))
            setting = self._set(variable, _written(value), field.description or "", secret=isinstance(value, SecretStr))
            if setting.source is Source.ENVIRONMENT and not self._environment.get(variable) and value == field.default:
                setting = replace(setting, source=Source.DEFAULT)
            yield setting

    def _unlisted(self, loaded: BaseSettings) -> Iterator[Setting]:
        """The commands of servers that have names of their own: `BIG_START_COMMAND`."""
        known = {name.upper() for name in type(loaded).model_fields}
        if any(_COMMAND.fullmatch(name) for name in known):
            for name in sorted(self._environment):
                if _COMMAND.fullmatch(name) and name not in known:
                    yield self._set(name, self._environment[name], "")

    def _set(self, variable: str, value: str, description: str, *, secret: bool = False) -> Setting:
        secret = secret or _SECRET.search(variable) is not None
        return Setting(variable, self._shown(variable, value, secret=secret), self._source(variable), description, secret and bool(value))

    def _source(self, variable: str) -> Source:
        if variable in self._options:
            return Source.OPTION
        if variable in self._from_file():
            return Source.FILE
        return Source.ENVIRONMENT if variable in self._environment else Source.DEFAULT

    def _shown(self, variable: str, value: str, *, secret: bool) -> str:
        if not value or secret:
            return MASK if value else ""
        if _COMMAND.fullmatch(variable):
            try:
                return Command(variable, tuple(shlex.split(value))).shown(self._secrets)
            except ValueError:  # a quotation mark without its second; said when it is to be used
                return MASK
        return redact(value, self._secrets)


def _written(value: Any) -> str:
    """A setting's value as its variable has it."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
