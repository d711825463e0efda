"""A Semantic Kernel application in a process of its own: one request for each line of standard input, one line of answer for each.

It has the two lines of the README, unless it is started with `--bare`.
"""

import asyncio
import json
import sys

from ollama import AsyncClient
from openai import AsyncOpenAI
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.ollama import OllamaChatCompletion, OllamaChatPromptExecutionSettings
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory

BARE = "--bare" in sys.argv

if not BARE:
    import venom_otel
    from venom_otel.routing import CircuitBreaker


def openai_service(url: str, model: str) -> OpenAIChatCompletion:
    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    return OpenAIChatCompletion(ai_model_id=model, service_id="chat", async_client=client)


def kernel_for(connector: str, url: str, model: str) -> Kernel:
    """`url` is several, with blanks between them, for the connector `fallback`."""
    kernel = Kernel()
    if connector == "openai":
        kernel.add_service(openai_service(url, model))
    elif connector == "fallback":
        services = [openai_service(one, model) for one in url.split()]
        kernel.add_service(venom_otel.fallback(services, service_id="chat", availability=CircuitBreaker(pause_s=1, longest_pause_s=1)))
    else:
        kernel.add_service(OllamaChatCompletion(ai_model_id=model, service_id="chat", client=AsyncClient(host=url)))
    if not BARE:
        venom_otel.instrument(kernel)
    return kernel


async def ask(kernel: Kernel, *, stream: bool) -> str:
    service = kernel.get_service("chat")
    history = ChatHistory()
    history.add_user_message("hello world")
    if isinstance(service, OllamaChatCompletion):
        settings = OllamaChatPromptExecutionSettings(options={"num_predict": 8})
    else:
        settings = OpenAIChatPromptExecutionSettings(max_tokens=8)
    if not stream:
        return str((await service.get_chat_message_contents(history, settings, kernel=kernel))[0])
    return "".join([str(chunk[0]) async for chunk in service.get_streaming_chat_message_contents(history, settings, kernel=kernel)])


async def main() -> None:
    kernels: dict[tuple[str, ...], Kernel] = {}
    while line := await asyncio.to_thread(sys.stdin.readline):
        wanted = json.loads(line)
        stream = wanted.pop("stream")
        service = tuple(wanted.values())
        if service not in kernels:
            kernels[service] = kernel_for(**wanted)
        try:
            answer = {"text": await ask(kernels[service], stream=stream)}
        except Exception as error:
            answer = {"error": type(error).__name__}
        print(json.dumps(answer), flush=True)  # noqa: T201


asyncio.run(main())
