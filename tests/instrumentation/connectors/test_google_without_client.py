"""Google's connector without a client of the user's: it makes one anew for each call, on aiohttp, here against a real local server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.google.google_ai import GoogleAIChatCompletion
from semantic_kernel.contents import ChatHistory
from support.vendors import google

import venom_otel

if TYPE_CHECKING:
    from venom_otel.testing import Capture


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")  # google-genai's own
@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
async def test_an_answer(stream: bool, capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["x-goog-api-key"] == "google-bed"
        found = google.GOOGLE.stream if request.path.endswith(":streamGenerateContent") else google.GOOGLE.call
        return web.Response(body=found.body, content_type=found.content_type)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    async with TestServer(app) as server:
        root = server.make_url("/")
        url = str(root)
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        service = GoogleAIChatCompletion(gemini_model_id=google.MODEL, api_key="google-bed")
        history = ChatHistory()
        history.add_user_message("Hello?")
        settings = service.instantiate_prompt_execution_settings()
        with venom_otel.instrument(Kernel(services=[service]), providers={url: "gcp.gemini"}, **capture.telemetry):
            if stream:
                pieces = [str(contents[0]) async for contents in service.get_streaming_chat_message_contents(history, settings)]
            else:
                pieces = [str(content) for content in await service.get_chat_message_contents(history, settings)]
    assert "".join(pieces) == "Hello there."
    [span] = capture.span_dicts()
    attributes = span["attributes"]
    assert attributes["llm.endpoint"] == url.rstrip("/")
    assert (attributes["llm.provider"], attributes["server.port"]) == ("gcp.gemini", root.port)
    assert {name: attributes[name] for name in google.ANSWERED} == google.ANSWERED
