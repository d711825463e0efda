"""Which servers there are: those that the settings name, and where no local one is named, those that answer at the usual addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from venom_otel.runtimes.model import Runtime
    from venom_otel.settings import RuntimeSettings


async def find(settings: RuntimeSettings) -> tuple[Runtime, ...]:
    """Every server there is, each name once; takes as long as asking who they are (1.5 s at most), and no time where all is configured.

    What is found comes and goes: ask again now and then, and keep what was there, so that a server that ended is seen as ended.

    Raises:
        SettingsError: a variable cannot be used; the message names it.
    """
    raise NotImplementedError
