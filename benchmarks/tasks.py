"""What the task API adds to a kernel: the time to the first token and the time per token, each as a ratio.

    python benchmarks/tasks.py              30 answers of 100 tokens at each pace
    python benchmarks/tasks.py --quick      10 of them

Each answer is asked for twice, in turn: by a kernel of an application that is instrumented and sends its telemetry to `venom-otel up`, and by
`POST /api/v1/tasks` of that same `up`, followed by its stream. Both ask one model server, which answers at an exact pace. docs/tasks.md has
results.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import httpx
from paced_server import MODEL
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory

import venom_otel

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
TOKEN = "a-token-for-the-benchmark"
TOKENS = 100
PACES_MS = (0, 20)
"""Milliseconds between two tokens: as fast as can be, and 50 tokens a second."""
WARM_UP = 3


class Times(NamedTuple):
    """Of one answer, in seconds."""

    first: float
    per_token: float


def times(begin: float, arrived: list[float], tokens: int) -> Times:
    return Times(arrived[0] - begin, (arrived[-1] - arrived[0]) / (tokens - 1))


async def by_kernel(service, pace_ms: int) -> Times:
    history = ChatHistory()
    history.add_user_message("Go on.")
    settings = OpenAIChatPromptExecutionSettings(max_tokens=TOKENS, seed=pace_ms)
    begin, arrived, tokens = time.perf_counter(), [], 0
    async for contents in service.get_streaming_chat_message_contents(history, settings):
        if contents and contents[0].content:
            arrived.append(time.perf_counter())
            tokens += 1
    assert tokens == TOKENS
    return times(begin, arrived, tokens)


async def by_task(client: httpx.AsyncClient, pace_ms: int) -> Times:
    begin, arrived, text = time.perf_counter(), [], ""
    answer = await client.post("/tasks", json={"prompt": "Go on.", "max_tokens": TOKENS, "seed": pace_ms})
    stream = answer.raise_for_status().json()["links"]["stream"].removeprefix("/api/v1")
    event = ""
    async with client.stream("GET", stream) as lines:
        async for line in lines.aiter_lines():
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif event == "token" and line.startswith("data: "):
                arrived.append(time.perf_counter())
                text += json.loads(line.removeprefix("data: "))["text"]
            elif event == "finished" and line.startswith("data: "):
                break
    assert text == " word" * TOKENS
    return times(begin, arrived, TOKENS)


async def measure(url: str, page: str, rounds: int) -> None:
    kernel = Kernel()
    kernel.add_service(OpenAIChatCompletion(ai_model_id=MODEL, service_id="kernel", async_client=_client(url)))
    service = kernel.get_service("kernel")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with venom_otel.instrument(kernel):
        async with httpx.AsyncClient(base_url=f"{page}/api/v1", headers=headers, timeout=60) as client:
            print("| tokens every | | kernel | task API | ratio |\n|---|---|---|---|---|")
            for pace_ms in PACES_MS:
                found: dict[str, list[Times]] = {"kernel": [], "task": []}
                for number in range(WARM_UP + rounds):
                    pair = {"kernel": await by_kernel(service, pace_ms), "task": await by_task(client, pace_ms)}
                    if number >= WARM_UP:
                        for name, each in pair.items():
                            found[name].append(each)
                for part, words in (("first", "time to the first token"), ("per_token", "time per token")):
                    alone, api = (median(getattr(each, part) for each in found[name]) for name in ("kernel", "task"))
                    print(f"| {pace_ms} ms | {words} | {alone * 1e3:.3f} ms | {api * 1e3:.3f} ms | {api / alone:.2f} |")
    await service.client.close()


def _client(url: str):
    from openai import AsyncOpenAI

    return AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


@contextlib.contextmanager
def running(command: list[str], **variables: str) -> Iterator[str]:
    """A program's first line; it is ended with the context."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    rounds = 10 if parser.parse_args().quick else 30
    up = [str(Path(sys.executable).with_name("venom-otel")), "up", "--json", "--port", "0", "--otlp-port", "0", "--no-otlp-grpc"]
    with (
        tempfile.TemporaryDirectory() as folder,
        running([sys.executable, str(HERE / "paced_server.py")]) as url,
        running([*up, "--data-dir", folder], VLLM_ENDPOINT=f"{url.strip()}/v1", VENOM_OTEL_TOKEN=TOKEN) as ready,
    ):
        places = json.loads(ready)
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = places["otlp"]
        asyncio.run(measure(url.strip(), places["page"], rounds))


if __name__ == "__main__":
    main()
