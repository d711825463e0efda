"""The models: which there are and which is in use; using another one, fetching and deleting them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from venom_otel.errors import ActionError, BusyError, ConflictError, UnknownError, UnsupportedError
from venom_otel.runtimes.friendly import named
from venom_otel.runtimes.model import Status
from venom_otel.runtimes.model_folders import read_folders
from venom_otel.runtimes.names import address_variable, label
from venom_otel.runtimes.protocol import Ability
from venom_otel.services import model_list
from venom_otel.services.activation import Activation, to_be_used
from venom_otel.services.active_model import who
from venom_otel.services.model_actions import decided, fetchable, keeper, why_not_activated, why_not_installed
from venom_otel.settings import USUAL_MODELS_DIR
from venom_otel.state.model import Kind, Wanted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from pathlib import Path

    from venom_otel.control import Controller
    from venom_otel.health import Server
    from venom_otel.runtimes.model_folders import ModelFolder
    from venom_otel.runtimes.protocol import Progress
    from venom_otel.services.active_model import LastAnswered
    from venom_otel.services.configuration import Configuration
    from venom_otel.services.model_list import InService, Model, Provider
    from venom_otel.services.operations import Operations
    from venom_otel.services.servers import LlmServers
    from venom_otel.state.model import Operation
    from venom_otel.store.protocol import RequestSummary

_SHOWN: Final = 20
"""Names that a refusal lists."""
_FRESH_S: Final = 1.0
"""What is done with a model rests on what was seen of its server at most so long ago."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All that is known of models now."""

    configured: InService | None
    """The one that is meant to be used."""
    answered: InService | None
    """The one that really answered last."""
    providers: Sequence[Provider]
    no_folders: str | None = None
    """Why no models in folders are known, in words; None where there is a directory of them."""
    request: RequestSummary | None = None
    """The request that shows who answered last."""


class Catalogue:
    """What the outside may ask about models, and do with them. Lives in the event loop of `operations`.

    Args:
        servers: where models are.
        operations: what is being done.
        controller: starts servers anew.
        configuration: keeps which model is used.
        last_answered: knows which answered last.
        models_dir: folders of models, the setting `LLM_MODELS_DIR`.
        aliases: the setting `VENOM_OTEL_SERVER_ALIASES`.
    """

    def __init__(
        self,
        servers: LlmServers,
        operations: Operations,
        controller: Controller,
        configuration: Configuration,
        last_answered: LastAnswered,
        *,
        models_dir: Path,
        aliases: str = "",
    ) -> None:
        self._servers = servers
        self._operations = operations
        self._controller = controller
        self._configuration = configuration
        self._last_answered = last_answered
        self._models_dir = models_dir
        self._aliases = aliases
        self._activating: Operation | None = None

    async def now(self, max_age_s: float | None = None) -> Listing:
        """Which models there are, and which is in use.

        Args:
            max_age_s: as for `LlmServers.all`.
        """
        servers, (folders, no_folders), request = await asyncio.gather(
            self._servers.all(max_age_s), asyncio.to_thread(self._folders), self._last_answered.now()
        )
        in_use = self._configuration.in_use
        acting = functools.cache(self._controller.unsupported)  # which reads a file for each server
        found = [decided(each, acting) for each in model_list.providers(servers, folders, in_use, self._aliases)]
        configured = model_list.configured(in_use, found, servers, self._aliases)
        return Listing(configured, model_list.answered(who(request), servers, self._aliases), found, no_folders, request)

    def placed(self, model: str, provider: str, endpoint: str) -> InService:
        """A model at the server that answers at an endpoint, where one that is watched does; of the other two empty is unknown."""
        found = model_list.answered((model, provider, endpoint), self._servers.known(), self._aliases)
        assert found is not None
        return found

    async def activate(self, provider: str, model: str, by: str, server: str | None = None) -> Operation:
        """Use a model from now on: an operation that loads it, or starts its server anew with it, and keeps its name.

        Args:
            provider: whose it is.
            model: its name, or the one for people; only what the catalogue has.
            by: who asks, for the audit: see `Wanted.by`.
            server: the name of the server, where several could do it.

        Raises:
            UnknownError: there is no such provider, server or model.
            ConflictError: several are meant, or the configuration cannot be changed.
            UnsupportedError: it cannot be served; the message says why.
            BusyError: another operation is under way on that server, or another activation.
            StateError: see `Operations.begin`.
        """
        group, found = self._find(await self.now(_FRESH_S), provider, model, server)
        known = self._server(group, found.server or server, lambda each: self._why_not(found, each) is None)
        runtime = known.runtime
        wanted = Wanted(Kind.ACTIVATE, runtime.name, runtime.provider, found.name, by)
        if (busy := self._activating) is not None and (running := self._operations.running(busy.wanted.server)) == busy:
            words = f"{busy.wanted.model} is being activated (operation {busy.id}); wait for its end."
            self._operations.refuse(wanted, words)
            raise BusyError(words, running.id)
        if self._operations.running(runtime.name) is None and (why := self._why_not(found, known)) is not None:
            raise self._refused(wanted, UnsupportedError(f"{found.name} cannot be activated: {why}."))
        in_use = to_be_used(found, runtime, self._configuration.in_use, self._aliases)
        if (why := self._configuration.objection(in_use)) is not None:
            raise self._refused(wanted, ConflictError(f"{found.name} cannot be activated: {why}."))
        before = next((each for each in group.models if each.server == runtime.name), None)
        work = Activation(self._servers, self._controller, self._configuration, runtime=runtime, model=found, in_use=in_use, before=before)
        self._activating = self._operations.begin(wanted, work)
        return self._activating

    async def install(self, provider: str, model: str, by: str, server: str | None = None) -> Operation:
        """Fetch a model, by an operation that says how far it is.

        Raises:
            UnsupportedError: that provider's servers fetch none; the message has the steps by hand.
            UnknownError, ConflictError, BusyError, StateError: as for `activate`.
        """
        group = self._group(await self.now(_FRESH_S), provider)
        wanted = Wanted(Kind.INSTALL, server or provider, provider, model, by)
        if (why := why_not_installed(group, model)) is not None:
            raise self._refused(wanted, UnsupportedError(f"{why}."))
        if not fetchable(model):
            raise self._refused(wanted, UnsupportedError(f"{model!r} is no name of a model; one like gemma3:4b is wanted."))
        runtime = self._server(group, server, lambda each: each.condition.status is Status.ONLINE).runtime
        keeps = keeper(provider, Ability.INSTALL)
        assert keeps is not None

        async def work(say: Callable[[Progress], None]) -> None:
            # A `ModelKeeper`'s iterator can be closed, which ends the work on the server, too.
            parts = cast("AsyncGenerator[Progress, None]", keeps.install(runtime, model))
            async with contextlib.aclosing(parts):
                async for progress in parts:
                    say(progress)
            await self._servers.look(runtime)

        return self._operations.begin(Wanted(Kind.INSTALL, runtime.name, provider, model, by), work)

    async def remove(self, provider: str, model: str, by: str, server: str | None = None, *, force: bool = False) -> Operation:
        """Delete a model from its server's disk; the configured one only where `force` says so.

        Raises:
            UnsupportedError: it cannot be deleted from here; the message says who can.
            ConflictError: it is the configured one, or several are meant.
            UnknownError, BusyError, StateError: as for `activate`.
        """
        group, found = self._find(await self.now(_FRESH_S), provider, model, server)
        wanted = Wanted(Kind.REMOVE, found.server or provider, provider, found.name, by)
        keeps = keeper(provider, Ability.REMOVE)
        if (why := found.unsupported.get(Kind.REMOVE)) is not None and not (force and found.configured and keeps is not None):
            kind = ConflictError if found.configured and keeps is not None else UnsupportedError
            raise self._refused(wanted, kind(f"{found.name} cannot be removed: {why}."))
        assert keeps is not None
        runtime = self._server(group, found.server, lambda _: True).runtime

        async def work(_: Callable[[Progress], None]) -> None:
            await keeps.remove(runtime, found.name)
            await self._servers.look(runtime)

        return self._operations.begin(wanted, work)

    def _folders(self) -> tuple[Sequence[ModelFolder], str | None]:
        """The models in folders, and why there are none, in words. Waits for the disk.

        A directory that nobody has named need not be there.
        """
        if self._models_dir.is_dir():
            return read_folders(self._models_dir), None
        if self._models_dir == USUAL_MODELS_DIR:
            return (), None
        return (), f"there is no directory {self._models_dir}: LLM_MODELS_DIR says where models lie in folders"

    def _why_not(self, model: Model, server: Server) -> str | None:
        """Why a server cannot have a model."""
        return why_not_activated(model, [server], self._controller.unsupported)

    def _find(self, listing: Listing, provider: str, wanted: str, server: str | None) -> tuple[Provider, Model]:
        """A model by one of its names; `server` leaves out those that others have, but for folders, which it can be made to serve."""
        group = self._group(listing, provider)
        there = list(group.models)
        if server is not None:
            self._server(group, server, lambda _: True)
            own = [model for model in there if model.server in {server, None}]
            folders = {model.folder for model in own}
            others = [model_list.unserved(model) for model in there if model.folder is not None and model.folder not in folders]
            there = own + others
        names = set(named(wanted, [name for model in there for name in model.names]))
        found = [model for model in there if names.intersection(model.names)]
        if len(found) == 1:
            return group, found[0]
        if found:
            which = ", ".join(f"{model.name} ({model.server})" if model.server else model.name for model in found[:_SHOWN])
            raise ConflictError(f"{wanted!r} may be any of {which}: say its name{', and the server' if _several_servers(found) else ''}.")
        has = ", ".join(model.name for model in there[:_SHOWN]) or "none at all"
        raise UnknownError(f"there is no model {wanted!r} of {label(provider)}. It has: {has}.")

    def _group(self, listing: Listing, provider: str) -> Provider:
        for each in listing.providers:
            if each.provider == provider:
                return each
        raise UnknownError(f"there is no provider {provider!r}: it is one of {', '.join(each.provider for each in listing.providers)}.")

    def _server(self, group: Provider, name: str | None, usable: Callable[[Server], bool]) -> Server:
        """The server of a name; without one the only one, or the only one that is usable.

        Raises:
            UnknownError: there is none.
            ConflictError: several would do.
        """
        names = ", ".join(each.runtime.name for each in group.servers)
        if name is not None:
            for each in group.servers:
                if each.runtime.name == name:
                    return each
            raise UnknownError(f"there is no server {name!r} of {label(group.provider)}{f'; there is {names}' if names else ''}.")
        found = [each for each in group.servers if usable(each)] or list(group.servers)
        if not found:
            variable = address_variable(group.provider)
            raise UnsupportedError(f"no {label(group.provider)} is known: set {variable} to where it is, or will be.")
        if len(found) > 1:
            raise ConflictError(f"several servers could do that ({names}): say which.")
        return found[0]

    def _refused(self, wanted: Wanted, error: ActionError) -> ActionError:
        """Note a refusal in the audit."""
        self._operations.refuse(wanted, str(error))
        return error


def _several_servers(models: Sequence[Model]) -> bool:
    return len({model.name for model in models}) < len(models)
