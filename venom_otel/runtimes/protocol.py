"""What an adapter is: how one kind of model server is looked at.

Another package brings one by an entry point of the group `venom_otel.runtimes`, whose name is the provider and whose object is a class
without arguments, or a function, that gives an `Adapter`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from venom_otel.runtimes.asking import Client
    from venom_otel.runtimes.model import Reading, Runtime

ENTRY_POINTS: Final = "venom_otel.runtimes"


class Ability(StrEnum):
    """What the server of an adapter can be asked for."""

    LOAD = "load"
    """A model is put into memory on request, without a restart."""
    INSTALL = "install"
    """Models are fetched on request."""
    REMOVE = "remove"
    RUN_HERE = "run_here"
    """It is a program that may run on this machine, so that commands can start and stop it; somebody else's service cannot be."""


class Adapter(Protocol):
    """One kind of server. One object serves any number of runtimes at a time."""

    @property
    def provider(self) -> str:
        """Its name in settings, telemetry and the API: `ollama`."""
        ...

    @property
    def label(self) -> str:
        """Its name for people: `Ollama`."""
        ...

    @property
    def abilities(self) -> frozenset[Ability]:
        """What its servers can be asked for."""
        ...

    @property
    def least_interval_s(self) -> float:
        """Seconds that must lie between two readings of one server; 0 for one that does not mind."""
        ...

    async def read(self, client: Client, runtime: Runtime) -> Reading:
        """Look at a server once.

        GETs alone, none of which loads a model or changes anything. `client` asks, keeps to the deadline and remembers the exchanges, so
        that nothing here raises for what a server or the network does.
        """
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something is that takes its time."""

    words: str
    """What is being done now: `pulling 8c57330a`."""
    completed: int | None = None
    """Bytes of the part that is under way; None where nobody knows, like the next."""
    total: int | None = None


@runtime_checkable
class ModelKeeper(Protocol):
    """What an adapter also is whose servers can be told to load, fetch or delete models; its `abilities` say which of the three.

    Each raises `ActionError` for whatever the server or the network does, with words that say what to do. Leaving `install` early, by
    closing the iterator, ends it on the server too where the server knows how.
    """

    async def load(self, runtime: Runtime, model: str) -> None:
        """Put a model into memory; comes back when it is there."""
        ...

    def install(self, runtime: Runtime, model: str) -> AsyncIterator[Progress]:
        """Fetch a model; the iterator's end means that it is there."""
        ...

    async def remove(self, runtime: Runtime, model: str) -> None:
        """Delete a model from the server's disk."""
        ...
