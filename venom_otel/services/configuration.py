"""Which model the application is meant to use: the one thing that is configured from here. Who keeps it is the command line's business."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

MODEL: Final = "LLM_MODEL_NAME"
ENDPOINT: Final = "LLM_LOCAL_ENDPOINT"


class InUse(NamedTuple):
    """What is configured; empty where nothing is."""

    model: str = ""
    """`LLM_MODEL_NAME`, as its server calls it."""
    endpoint: str = ""
    """`LLM_LOCAL_ENDPOINT`, the base URL that the application uses for it."""


class Configuration(Protocol):
    """Keeps what is configured, for this process and for those to come."""

    @property
    def in_use(self) -> InUse:
        """What holds now. May be asked from any thread."""
        ...

    def objection(self, wanted: InUse) -> str | None:
        """Why something else would not hold if it were kept, in words; None where it would."""
        ...

    def use(self, wanted: InUse) -> None:
        """Keep something else from now on: in this process, for the commands that it starts, and for whoever is started later.

        All of it holds afterwards or, where this raises, nothing. Waits for the disk.

        Raises:
            SettingsError: it cannot be kept, or would not hold since something else overrules it; the message says what to do.
        """
        ...
