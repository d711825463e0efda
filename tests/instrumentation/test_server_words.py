"""What a server said, out of what every client's exceptions make of it."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import azure.core.exceptions
import botocore.exceptions
import google.genai.errors
import httpx
import httpx2
import mistralai.models
import ollama
import openai
import pytest

from venom_otel.instrumentation.server_words import server_words

OPENAI = {"error": {"message": "model 'm' not found", "type": "api_error", "param": None, "code": None}}
ANTHROPIC = {"type": "error", "error": {"type": "not_found_error", "message": 'model: "claude-x"'}, "request_id": "r-1"}

DEEP = "{'error': {'error': {'error': {'error': {'error': 'deep'}}}}}"


def of_openai(status: int, body: object) -> Exception:
    reply = httpx2.Response(status, content=_text(body), request=httpx2.Request("POST", "http://server/v1/chat/completions"))
    return openai.OpenAI(api_key="none")._make_status_error_from_response(reply)


def of_anthropic(status: int, body: object) -> Exception:
    reply = httpx.Response(status, content=_text(body), request=httpx.Request("POST", "http://server/v1/messages"))
    return anthropic.Anthropic(api_key="none")._make_status_error_from_response(reply)


def of_mistral(status: int, body: object) -> Exception:
    reply = httpx.Response(
        status, content=_text(body), headers={"Content-Type": "text/plain"}, request=httpx.Request("POST", "http://server")
    )
    return mistralai.models.SDKError("API error occurred", reply, reply.text)


def of_botocore(words: str) -> Exception:
    reply: Any = {"Error": {"Code": "ValidationException", "Message": words}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return botocore.exceptions.ClientError(reply, "Converse")


def of_httpx() -> Exception:
    with pytest.raises(httpx.HTTPStatusError) as raised:
        httpx.Response(503, request=httpx.Request("GET", "http://server/")).raise_for_status()
    return raised.value


class AzureReply:
    """As much of a reply as Azure's exceptions read."""

    status_code, reason, content_type = 404, "Not Found", "application/json"

    def __init__(self, body: object) -> None:
        self._text = _text(body)

    def text(self, encoding: str | None = None) -> str:
        return self._text

    def body(self) -> bytes:
        return self._text.encode()


def of_azure(body: object) -> Exception:
    return azure.core.exceptions.ResourceNotFoundError(response=AzureReply(body))


def _text(body: object) -> str:
    return body if isinstance(body, str) else json.dumps(body)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(of_openai(404, OPENAI), "model 'm' not found", id="OpenAI's"),
        pytest.param(of_openai(404, {"object": "error", "message": "No model `x` here."}), "No model `x` here.", id="vLLM's"),
        pytest.param(of_openai(500, "EngineCore encountered an issue."), "", id="no words reach the client"),
        pytest.param(of_anthropic(404, ANTHROPIC), 'model: "claude-x"', id="Anthropic's"),
        pytest.param(of_anthropic(529, {"type": "error"}), "{'type': 'error'}", id="Anthropic's without words"),
        pytest.param(of_anthropic(502, "<html>Bad Gateway</html>"), "<html>Bad Gateway</html>", id="a proxy's page"),
        pytest.param(ollama.ResponseError("model 'm' not found", 404), "model 'm' not found", id="Ollama's"),
        pytest.param(
            google.genai.errors.ClientError(404, {"error": {"code": 404, "message": "models/x is not found", "status": "NOT_FOUND"}}),
            "models/x is not found",
            id="Google's",
        ),
        pytest.param(of_mistral(401, {"message": "Unauthorized"}), "Unauthorized", id="Mistral's"),
        pytest.param(of_mistral(422, {"detail": [{"loc": ["body"], "msg": "field required"}]}), "field required", id="FastAPI's"),
        pytest.param(of_botocore("The provided model identifier is invalid."), "The provided model identifier is invalid.", id="Bedrock's"),
        pytest.param(of_azure({"error": {"code": "NotHere", "message": "No such deployment."}}), "No such deployment.", id="Azure's"),
        pytest.param(of_azure({"detail": "nope"}), "nope", id="another server's, of Azure"),
        pytest.param(of_httpx(), "Server error '503 Service Unavailable' for url 'http://server/'", id="httpx's"),
        pytest.param(httpx.ConnectError("All connection attempts failed"), "All connection attempts failed", id="no reply"),
        pytest.param(TimeoutError(), "", id="nothing said"),
    ],
)  # fmt: skip
def test_of_a_real_client(error: Exception, words: str) -> None:
    assert server_words(str(error)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # As clients write it that leave the body as it came, OpenAI's before its version 3 for one.
        (f"Error code: 404 - {OPENAI}", "model 'm' not found"),
        (f"Error code: 404 - {json.dumps(OPENAI)}", "model 'm' not found"),
        ("Error code: 400 - {'error': \"it's off\"}", "it's off"),
        ("Error code: 400 - [{'error': {'message': 'first'}}, {'message': 'second'}]", "first; second"),
        ("Error code: 500 - EngineCore encountered an issue.", "EngineCore encountered an issue."),
        ("Error code: 500", ""),
        ("Error code: 4040", "Error code: 4040"),
        ("Error code: 404 - {'code': 5}", "{'code': 5}"),
        (f"Error code: 404 - {DEEP}", DEEP),
        # Cut off where a span's text ends.
        ("Error code: 404 - {'error': {'message': \"model 'm' is n", "model 'm' is n…"),
        ("Error code: 404 - {'error': {'message': 'it\\'s long', 'type': 'api_er", "it's long…"),
        ("Error code: 404 - {'error': {'typ", "{'error': {'typ"),
        ("Error code: 404 - " + "[" * 5_000, "[" * 5_000),
        ("", ""),
        ("model 'm' not found", "model 'm' not found"),
        ("said {'message': 'x'} by the way", "said {'message': 'x'} by the way"),
    ],
)  # fmt: skip
def test_of_a_text(text: str, words: str) -> None:
    assert server_words(text) == words
    assert server_words(words) == words


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    ["Error code: 404 - {'message': '" + "\\" * 50_000, "(" + "a." * 30_000, "API error occurred: Status 400" + ' Content-Type ""' * 5_000],
)
def test_no_text_takes_long(text: str) -> None:
    assert server_words(text)
