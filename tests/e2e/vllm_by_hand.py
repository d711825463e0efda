"""The first road with a real vLLM: `make test-vllm`. Not collected by itself, for a person starts it."""

import os

import pytest
from support.recorded_runtime import MODEL

URL = os.environ["VLLM_URL"]


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
def test_a_request_to_vllm_stands_in_the_history(road, stream):
    answer, request, span = road.send("openai", URL, MODEL, stream=stream)

    assert answer["text"].strip()
    assert request["status"] == "COMPLETED"
    assert request["llm_provider"] == "vllm"
    assert request["llm_model"] == request["llm_response_model"] == MODEL
    assert request["usage"]["output_tokens"] in range(1, 9)
    assert span["attributes"]["llm.identity.source"] == "server"


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
def test_a_missing_model_is_told_from_a_missing_server(road, stream):
    answer, request, _ = road.send("openai", URL, "missing:1b", stream=stream)

    assert answer.keys() == {"error"}
    assert request["status"] == "FAILED"
    assert request["llm_provider"] == "vllm"
    assert request["error"]["kind"] == "model_not_found"
