"""Making a model the one that is used: its server has it ready, and the configuration names it; or all is as it was, and words say why."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from venom_otel.errors import ActionError, SettingsError
from venom_otel.identity.endpoint import parse, root
from venom_otel.runtimes.protocol import Ability, Progress
from venom_otel.services.configuration import MODEL, InUse
from venom_otel.services.model_actions import keeper, to_serve
from venom_otel.services.model_list import serves

if TYPE_CHECKING:
    from collections.abc import Callable

    from venom_otel.control import Controller
    from venom_otel.runtimes.model import Runtime
    from venom_otel.services.configuration import Configuration
    from venom_otel.services.model_list import Model
    from venom_otel.services.servers import LlmServers

_V1: Final = "/v1"


def to_be_used(model: Model, runtime: Runtime, before: InUse, aliases: str = "") -> InUse:
    """What the configuration says once a model is active.

    `LLM_LOCAL_ENDPOINT` stays as it is where it is not set, or leads to that server already; else it becomes that server's, with `/v1`
    where it had one, since the application's client wants it so.
    """
    endpoint = before.endpoint
    if endpoint:
        try:
            stays = parse(endpoint, aliases).server == runtime.endpoint.server
        except SettingsError:
            stays = False
        if not stays:
            endpoint = root(runtime.endpoint) + (_V1 if endpoint.rstrip("/").endswith(_V1) else "")
    return InUse(model.name, endpoint)


class Activation:
    """The work of one activation.

    A model that its server has is loaded, where the server can be told that, and kept. For another one the server is started anew, by a
    command that finds the name in `LLM_MODEL_NAME`, in its environment and in the file. Cancelling ends the waiting alone: the server that
    was told to start goes on, so what is configured stays, too.

    Args:
        servers: looks at them.
        controller: starts them anew.
        configuration: keeps what is used.
        runtime: the server that shall have the model.
        model: which.
        in_use: what to keep.
        before: the model that the server has now, if any; it gets it back where it cannot be made to serve the other.
    """

    def __init__(
        self,
        servers: LlmServers,
        controller: Controller,
        configuration: Configuration,
        *,
        runtime: Runtime,
        model: Model,
        in_use: InUse,
        before: Model | None,
    ) -> None:
        self._controller = controller
        self._configuration = configuration
        self._runtime = runtime
        self._model = model
        self._in_use = in_use
        self._former = before
        self._look = partial(servers.look, runtime)

    async def __call__(self, say: Callable[[Progress], None]) -> None:
        """Do it.

        Raises:
            ActionError: it did not come to pass; the message says why, and how things are now.
        """
        if self._model.server is None:
            await self._start_anew(say)
            return
        keeps = keeper(self._runtime.provider, Ability.LOAD)
        if keeps is not None:
            say(Progress(f"{self._runtime.label} loads {self._model.name}"))
            await keeps.load(self._runtime, self._model.name)
        await self._keep(say)
        await self._look()

    async def _start_anew(self, say: Callable[[Progress], None]) -> None:
        former = self._configuration.in_use
        await self._keep(say)
        try:
            await self._serve(self._model, say)
        except ActionError as error:
            back = await self._back(former, say)
            raise ActionError(f"{error}\n{back}") from None

    async def _serve(self, model: Model, say: Callable[[Progress], None]) -> None:
        """Start the server anew with a model, and see that it serves it.

        Raises:
            ActionError: it does not.
        """
        name = str(model.folder.path) if model.folder is not None else model.name
        action = to_serve((await self._look()).state, self._controller.unsupported(self._runtime))
        await self._controller.act(self._runtime, action, environment={MODEL: name}, say=say, look=self._look)
        has = (await self._look()).models
        if not serves(has, model):
            served = ", ".join(one.name for one in has) or "no model"
            raise ActionError(
                f"{self._runtime.label} is up again and serves {served}, not {name}: its start command must hand {MODEL} on, as "
                "scripts/llm/vllm_service.sh does."
            )
        if name not in {one.name for one in has}:
            say(Progress(f"{self._runtime.label} calls it {has[0].name}: applications must ask for that name"))

    async def _keep(self, say: Callable[[Progress], None]) -> None:
        before = self._configuration.in_use
        try:
            await asyncio.to_thread(self._configuration.use, self._in_use)
        except SettingsError as error:
            raise ActionError(str(error)) from None
        moved = f", LLM_LOCAL_ENDPOINT is {self._in_use.endpoint}" if self._in_use.endpoint != before.endpoint else ""
        say(Progress(f"{MODEL} is {self._in_use.model}{moved}"))

    async def _back(self, former: InUse, say: Callable[[Progress], None]) -> str:
        """Put everything back as it was, as far as it can be; says in words how things are now."""
        try:
            await asyncio.to_thread(self._configuration.use, former)
        except SettingsError as error:
            return f"{MODEL} is still {self._in_use.model}: {error}"
        words = f"{MODEL} is {former.model} again." if former.model else f"{MODEL} is not set, as before."
        if self._former is None:
            return words
        try:
            if serves((await self._look()).models, self._former):
                return f"{words} {self._runtime.label} still serves {self._former.name}."
            say(Progress(f"{self._runtime.label} gets {self._former.name} back"))
            await self._serve(self._former, say)
        except ActionError as error:
            return f"{words} {self._runtime.label} could not be given {self._former.name} back: {error}"
        return f"{words} {self._runtime.label} serves {self._former.name} again."
