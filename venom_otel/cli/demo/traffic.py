"""The demo's application: an ordinary Semantic Kernel with the two lines, and questions that never end.

Everything that goes wrong goes wrong at the servers, by an HTTP status; nothing here raises on purpose.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
import signal
from contextlib import aclosing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, cast

from openai import AsyncOpenAI
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from semantic_kernel.contents import ChatHistory
from semantic_kernel.exceptions import KernelException
from semantic_kernel.functions import KernelArguments, KernelFunction

import venom_otel
from venom_otel.cli.demo import runtimes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase

    from venom_otel.testing import SimulatedOllama, SimulatedVllm

VLLM: Final = "simulated-vllm"
CRASHING: Final = "simulated-vllm-crashing"
OLLAMA: Final = "simulated-ollama"
MISSING: Final = "simulated-ollama-missing"
ROUTED: Final = "simulated-with-fallback"

_PLUGIN: Final = "support"
_QUESTIONS: Final = (
    "Where is my parcel? It should have been here on Monday, and the page has said 'in transit' for six days now.",
    "How do I reset my password?",
    "Please summarise the complaint below in two sentences, in a friendly tone, for a colleague who has not read the conversation. " * 3,
    "Which of your plans includes single sign-on?",
    "Translate into German: the invoice was paid twice.",
    "Why was I charged twice, and when do I get the money back? I have attached both statements and my order's number.",
)
_SIDE_BY_SIDE: Final = 2
KEY: Final = "not-needed"
"""A word that is known to be no key: keys are masked wherever they stand, also inside of names."""
_PAUSE_S: Final = (0.1, 0.7)
_READ_BEFORE_LEAVING: Final = 12
_LAST_ANSWERS_S: Final = 5.0
"""How long answers on their way are waited for at the end."""


async def send(vllm: SimulatedVllm, ollama: SimulatedOllama, *, duration: float | None, ended_by: Sequence[signal.Signals]) -> None:
    """Ask one question after the other until the end, then deliver what is recorded.

    Args:
        vllm: one of `runtimes`, and running.
        ollama: likewise.
        duration: seconds until the end; None for none.
        ended_by: signals that mean the end.
    """
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ended_by:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            loop.add_signal_handler(number, ending.set)
    # Semantic Kernel logs every failure; here they are wanted, and are on the page.
    logging.getLogger("semantic_kernel").addHandler(logging.NullHandler())
    logging.getLogger("semantic_kernel").propagate = False

    async with contextlib.AsyncExitStack() as clients:
        kernel = await _kernel(vllm, ollama, clients)
        with venom_otel.instrument(kernel) as handle:
            questions = _Application(kernel).questions()
            workers = [asyncio.create_task(_work(questions, ending)) for _ in range(_SIDE_BY_SIDE)]
            asked_to_end = asyncio.create_task(ending.wait())
            await asyncio.wait([asked_to_end, *workers], timeout=duration, return_when=asyncio.FIRST_COMPLETED)
            ending.set()
            await asked_to_end
            _, late = await asyncio.wait(workers, timeout=_LAST_ANSWERS_S)
            for task in late:
                task.cancel()
            for result in await asyncio.gather(*workers, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result
            handle.flush()


async def _work(questions: Iterator[Callable[[], Awaitable[object]]], ending: asyncio.Event) -> None:
    for ask in questions:
        if ending.is_set():
            return
        await ask()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), random.uniform(*_PAUSE_S))  # noqa: S311 - variety, not secrets


async def _kernel(vllm: SimulatedVllm, ollama: SimulatedOllama, clients: contextlib.AsyncExitStack) -> Kernel:
    """A kernel with a service for each way a server answers."""
    kernel = Kernel()

    async def openai(service_id: str, url: str, model: str) -> ChatCompletionClientBase:
        client = await clients.enter_async_context(AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0))
        return OpenAIChatCompletion(ai_model_id=model, service_id=service_id, async_client=client)

    async def native(service_id: str, url: str, model: str) -> ChatCompletionClientBase:
        from ollama import AsyncClient
        from semantic_kernel.connectors.ai.ollama import OllamaChatCompletion

        client = AsyncClient(host=url)
        clients.push_async_callback(client._client.aclose)  # noqa: SLF001 - it has no other way to be closed
        return OllamaChatCompletion(ai_model_id=model, service_id=service_id, client=client)

    # Ollama speaks OpenAI's dialect as well: its own needs a package that Semantic Kernel does not bring by itself.
    to_ollama = native if find_spec("ollama") is not None else openai
    kernel.add_service(await openai(VLLM, vllm.url, runtimes.QWEN))
    crashing, llama = await openai(CRASHING, vllm.url, runtimes.CRASHING), await to_ollama(OLLAMA, ollama.url, runtimes.LLAMA)
    kernel.add_service(crashing)
    kernel.add_service(llama)
    kernel.add_service(venom_otel.fallback([crashing, llama], service_id=ROUTED))
    kernel.add_service(await to_ollama(MISSING, ollama.url, runtimes.MISSING))
    return kernel


class _Application:
    """Answers customers, by one server or by two of which the second is asked where the first one fails."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        answer = kernel.add_function(_PLUGIN, function_name="answer", prompt="Answer this customer briefly: {{$question}}")
        self._answer = cast("KernelFunction", answer)  # it was given one

    def questions(self) -> Iterator[Callable[[], Awaitable[object]]]:
        """What is asked: of each kind one at first, so that all is seen soon, then by chance and without an end."""
        first = [
            lambda: self._stream(VLLM),
            lambda: self._call(VLLM),
            lambda: self._stream(OLLAMA),
            lambda: self._call(MISSING),
            lambda: self._call(ROUTED),
            lambda: self._call(CRASHING),
            self._leave,
            lambda: self._call(OLLAMA),
        ]
        weights = [10, 4, 6, 1, 2, 1, 1, 3]
        by_chance = (random.choices(first, weights)[0] for _ in itertools.count())  # noqa: S311
        return itertools.chain(first, by_chance)

    async def _call(self, service_id: str) -> None:
        with contextlib.suppress(KernelException):  # what the server refused is on the page
            await self._kernel.invoke(self._answer, _arguments(service_id))

    async def _stream(self, service_id: str) -> None:
        async for _ in self._kernel.invoke_stream(self._answer, _arguments(service_id)):
            pass

    async def _leave(self) -> None:
        """Begin to read, and leave."""
        service: Any = self._kernel.get_service(VLLM)
        history = ChatHistory()
        history.add_user_message(_question())
        async with aclosing(service.get_streaming_chat_message_contents(history, OpenAIChatPromptExecutionSettings())) as parts:
            for _ in range(_READ_BEFORE_LEAVING):
                await anext(parts)


def _arguments(service_id: str) -> KernelArguments:
    kind = OpenAIChatPromptExecutionSettings if service_id in {VLLM, CRASHING} else PromptExecutionSettings
    return KernelArguments(settings=kind(service_id=service_id), question=_question())


def _question() -> str:
    return random.choice(_QUESTIONS)  # noqa: S311
