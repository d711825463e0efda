"""A Semantic Kernel application that says which server and which model answered it.

    python examples/quickstart.py "Why is the sky blue?"

It asks Ollama on this machine; MODEL_URL names another server that speaks OpenAI's dialect (vLLM: http://localhost:8000/v1), MODEL one of
its models (by default the first it lists) and MODEL_KEY its key, where it wants one. With `venom-otel up` running, the request is on
http://127.0.0.1:8765 as soon as it is answered, and so is one that failed.
"""

import asyncio
import os
import sys

from openai import APIConnectionError, AsyncOpenAI, NotFoundError, OpenAIError
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.exceptions import KernelInvokeException, ServiceResponseException

import venom_otel

URL = os.environ.get("MODEL_URL", "http://localhost:11434/v1")


async def main(question: str) -> int:
    client = AsyncOpenAI(base_url=URL, api_key=os.environ.get("MODEL_KEY", "none"), max_retries=0)
    model = os.environ.get("MODEL") or await first_model(client)

    kernel = Kernel()
    kernel.add_service(OpenAIChatCompletion(ai_model_id=model, async_client=client))
    venom_otel.instrument(kernel)

    try:
        async for chunks in kernel.invoke_prompt_stream(question):
            print(chunks[0], end="", flush=True)
        print()
    except (ServiceResponseException, KernelInvokeException) as error:
        print(explanation(error, model), file=sys.stderr)
        return 1
    finally:
        await client.close()
    return 0


async def first_model(client: AsyncOpenAI) -> str:
    """The first model the server lists; where there is no server or none to list, a name to be refused with."""
    try:
        models = (await client.models.list()).data
    except OpenAIError:
        models = []
    return models[0].id if models else "llama3.2"


def explanation(error: BaseException, model: str) -> str:
    """What to do about a failed request, by what the server, or its absence, says."""
    cause = error
    while cause.__cause__ is not None:
        if isinstance(cause, OpenAIError):
            break
        cause = cause.__cause__
    if isinstance(cause, APIConnectionError):
        return f"No model server answers at {URL}. Start one (`ollama serve`), or name yours: MODEL_URL=http://host:port/v1"
    if isinstance(cause, NotFoundError):
        return f"The server at {URL} has no model {model!r}. Fetch it (`ollama pull {model}`), or name one it has: MODEL=…"
    return f"{URL} could not answer: {cause}"


if __name__ == "__main__":
    sys.exit(asyncio.run(main(" ".join(sys.argv[1:]) or "Why is the sky blue? Answer in one sentence.")))
