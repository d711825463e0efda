"""An application that is answered although a server is down, and says who answered.

    python examples/fallback.py "Why is the sky blue?"

It asks Ollama first (MODEL, at OLLAMA_URL), then a second server that speaks OpenAI's dialect (SPARE_MODEL, at SPARE_URL, with SPARE_KEY
where it wants one). Stop the first and ask again: with `venom-otel up` running, http://127.0.0.1:8765 shows both attempts and why.
Semantic Kernel's connector for Ollama takes `pip install 'semantic-kernel[ollama]'`.
"""

import asyncio
import logging
import os
import sys

from openai import AsyncOpenAI
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.ollama import OllamaChatCompletion
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.exceptions import KernelInvokeException

import venom_otel
from venom_otel.routing import Policy

FIRST = os.environ.get("OLLAMA_URL", "http://localhost:11434")
SPARE = os.environ.get("SPARE_URL", "http://localhost:8000/v1")


async def main(question: str) -> int:
    logging.getLogger("venom_otel.routing").setLevel(logging.INFO)
    logging.getLogger("venom_otel.routing").addHandler(logging.StreamHandler())  # "asking vllm … instead of ollama: not_reached"

    client = AsyncOpenAI(base_url=SPARE, api_key=os.environ.get("SPARE_KEY", "none"))
    ollama = OllamaChatCompletion(ai_model_id=os.environ.get("MODEL", "llama3.2"), service_id="ollama", host=FIRST)
    spare = OpenAIChatCompletion(ai_model_id=os.environ.get("SPARE_MODEL", "llama3.2"), service_id="spare", async_client=client)

    kernel = Kernel()
    kernel.add_service(venom_otel.fallback([ollama, spare], policy=Policy(attempt_timeout_s=60)))
    venom_otel.instrument(kernel)

    who = {}
    try:
        async for chunks in kernel.invoke_prompt_stream(question):
            print(chunks[0], end="", flush=True)
            who = chunks[0].metadata
        print(f"\n({who.get('llm_model')} at {who.get('llm_endpoint')})")
    except KernelInvokeException as error:
        print(words(error), file=sys.stderr)
        return 1
    finally:
        await client.close()
    return 0


def words(error: BaseException) -> str:
    """What became of each service: the note on the last one's error."""
    while error.__cause__ is not None and not hasattr(error, "__notes__"):
        error = error.__cause__
    return "\n".join(getattr(error, "__notes__", [str(error)]))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(" ".join(sys.argv[1:]) or "Why is the sky blue? Answer in one sentence.")))
