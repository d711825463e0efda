"""The kernel of Semantic Kernel that answers tasks. Semantic Kernel itself is imported when the first task comes, by a thread."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from collections import OrderedDict
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, Protocol

import venom_otel
from venom_otel.errors import MissingExtraError, VenomError
from venom_otel.runtimes.names import OPENAI
from venom_otel.services.tasks.choosing import base_url

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from openai import AsyncOpenAI
    from semantic_kernel import Kernel
    from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase

    from venom_otel.instrumentation import Instrumentation
    from venom_otel.routing import Availability
    from venom_otel.runtimes.model import Runtime
    from venom_otel.services.tasks.choosing import Choice
    from venom_otel.services.tasks.model import Message, Options
    from venom_otel.services.tasks.telemetry import Telemetry

SERVICE_ID: Final = "tasks"
"""Semantic Kernel's name for the service that routes a task's requests."""
CONNECT_S: Final = 20.0
"""The client's clock runs while the event loop is busy with hundreds of tasks that begin together. Whoever is really not there the monitor
knows, and then is not waited for."""
IDLE_S: Final = 2.0
"""How long a connection is kept for the next request: less than the 5 s after which vLLM closes it, maybe just as it is used."""
_MOST_IDLE: Final = 100
_MOST_ROUTES: Final = 64
_NO_KEY: Final = "none"
"""Where a key has to stand and none is needed; the redaction knows the word."""
_NEEDED: Final = ("semantic_kernel", "openai")


class Answering(Protocol):
    """Answers tasks."""

    def check(self) -> None:
        """Raise what stands in the way of any task.

        Raises:
            MissingExtraError: what it takes is not installed.
        """
        ...

    def prepare(self) -> None:
        """Begin what the first answer would have to wait for, where that has not begun; what goes wrong is said when it is asked."""
        ...

    def answer(self, choices: Sequence[Choice], messages: Sequence[Message], options: Options) -> AsyncGenerator[str, None]:
        """The answer of the first that gives one, piece by piece; to be closed where it is left early."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


class KernelAnswers:
    """Answers tasks by Semantic Kernel; what it sends is recorded by `venom_otel.instrument()`. Lives in one event loop.

    Args:
        telemetry: where what is recorded goes.
        availability: which servers need not be asked.
        stall_s: seconds that a server may be silent.
    """

    def __init__(self, telemetry: Telemetry, availability: Availability, *, stall_s: float) -> None:
        self._telemetry = telemetry
        self._availability = availability
        self._stall_s = stall_s
        self._loading: asyncio.Future[None] | None = None
        self._kernel: Kernel | None = None
        self._handle: Instrumentation | None = None
        self._clients: dict[Runtime, AsyncOpenAI] = {}
        self._routes: OrderedDict[tuple[Choice, ...], Kernel] = OrderedDict()

    def check(self) -> None:
        """See `Answering`."""
        missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            raise MissingExtraError(
                f"tasks are answered by Semantic Kernel, which is not installed ({', '.join(missing)}): "
                "pip install 'venom-otel[cockpit,instruments]', then start `venom-otel up` again."
            )

    def prepare(self) -> None:
        """See `Answering`."""
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._load_once())
            # Where nobody waits for it, nobody is told; the next answer tries again.
            self._loading.add_done_callback(lambda loading: loading.cancelled() or loading.exception())

    async def answer(self, choices: Sequence[Choice], messages: Sequence[Message], options: Options) -> AsyncGenerator[str, None]:
        """See `Answering`."""
        await self._load()
        kernel = self._route(tuple(choices))
        service: Any = kernel.get_service(SERVICE_ID)
        stream = service.get_streaming_chat_message_contents(_history(messages), _settings(options))
        async with aclosing(stream):
            async for contents in stream:
                if contents and contents[0].content:
                    yield contents[0].content

    async def close(self) -> None:
        """See `Answering`."""
        if self._loading is not None and not self._loading.done():
            self._loading.cancel()  # and with it whoever waits for it; the thread ends by itself
            await asyncio.wait({self._loading})
        self._loading = None
        clients, self._clients = list(self._clients.values()), {}
        self._routes.clear()
        handle, self._handle = self._handle, None
        if handle is not None:
            await asyncio.to_thread(handle.uninstrument)
        for client in clients:
            await client.close()

    async def _load(self) -> None:
        """Import Semantic Kernel, some seconds of it, while everything else goes on; and instrument a kernel, once."""
        self.prepare()
        assert self._loading is not None
        await asyncio.shield(self._loading)

    async def _load_once(self) -> None:
        try:
            await asyncio.to_thread(_import)
            self._instrument()
        except ImportError as error:
            self._loading = None  # the next task tries again, after any other error too
            raise VenomError(f"Semantic Kernel cannot be imported ({error}): pip install 'venom-otel[instruments]'") from error
        except Exception:
            self._loading = None
            raise

    def _instrument(self) -> None:
        from semantic_kernel import Kernel

        self._kernel = Kernel()
        self._handle = venom_otel.instrument(
            self._kernel,
            tracer_provider=self._telemetry.tracer_provider,
            meter_provider=self._telemetry.meter_provider,
            logger_provider=self._telemetry.logger_provider,
        )

    def _route(self, choices: tuple[Choice, ...]) -> Kernel:
        """A kernel that asks these servers in this order: a clone of the one that is instrumented, and so instrumented as well."""
        kernel = self._routes.get(choices)
        if kernel is None:
            assert self._kernel is not None
            kernel = self._kernel.clone()
            services = [self._service(choice) for choice in choices]
            for service in services:
                kernel.add_service(service)
            kernel.add_service(venom_otel.fallback(services, service_id=SERVICE_ID, availability=self._availability))
            self._routes[choices] = kernel
            while len(self._routes) > _MOST_ROUTES:
                self._routes.popitem(last=False)
        self._routes.move_to_end(choices)
        return kernel

    def _service(self, choice: Choice) -> ChatCompletionClientBase:
        from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion

        runtime = choice.runtime
        return OpenAIChatCompletion(ai_model_id=choice.model, service_id=runtime.name, async_client=self._client(runtime))

    def _client(self, runtime: Runtime) -> AsyncOpenAI:
        client = self._clients.get(runtime)
        if client is None:
            from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

            # What its HTTP client is made of: httpx, or httpx2 since version 3.
            http = next(cls.__module__ for cls in DefaultAsyncHttpxClient.__mro__ if cls.__name__ == "AsyncClient")
            limits = importlib.import_module(http).Limits(
                max_connections=None, max_keepalive_connections=_MOST_IDLE, keepalive_expiry=IDLE_S
            )
            client = AsyncOpenAI(
                base_url=base_url(runtime),
                api_key=runtime.key.get_secret_value() if runtime.key is not None else _NO_KEY,
                max_retries=0,
                http_client=DefaultAsyncHttpxClient(limits=limits, timeout=Timeout(self._stall_s, connect=CONNECT_S)),
            )
            if runtime.provider != OPENAI:  # the environment's, which are nobody else's business
                client.organization = client.project = None
            self._clients[runtime] = client
        return client


def _import() -> None:
    for name in ("semantic_kernel", "semantic_kernel.connectors.ai.open_ai", "venom_otel.routing.service"):
        importlib.import_module(name)


def _history(messages: Sequence[Message]) -> Any:
    from semantic_kernel.contents import AuthorRole, ChatHistory, ChatMessageContent

    return ChatHistory(messages=[ChatMessageContent(role=AuthorRole(each.role), content=each.content) for each in messages])


def _settings(options: Options) -> Any:
    """Settings of no service in particular: the routing gives each service those of its own class."""
    from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings

    given: dict[str, Any] = {
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "seed": options.seed,
        "stop": list(options.stop) or None,
    }
    return PromptExecutionSettings(extension_data={name: value for name, value in given.items() if value is not None})
