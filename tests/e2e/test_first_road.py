"""From a kernel to the history, every part real: application, Ollama, receiver, store, API."""

import pytest
from support.ollama_server import OllamaServer
from support.recorded_runtime import MODEL

CONNECTORS = ("openai", "ollama")
PATHS = {"openai": "/v1", "ollama": ""}

pytestmark = pytest.mark.slow


@pytest.mark.ollama
@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
@pytest.mark.parametrize("connector", CONNECTORS)
def test_a_request_to_ollama_stands_in_the_history(road, ollama, connector, stream):
    answer, request, span = road.send(connector, ollama.url, ollama.model, stream=stream)

    assert answer["text"].strip()
    assert request["status"] == "COMPLETED"
    assert request["llm_provider"] == "ollama"
    assert request["llm_model"] == request["llm_response_model"] == ollama.model
    assert request["llm_endpoint"] == ollama.url + PATHS[connector]
    assert request["service"] == "chat-api"
    assert request["streaming"] is stream
    assert (request["first_token"] is not None) is stream
    assert request["usage"]["output_tokens"] in range(1, 9)
    assert request["usage"]["input_tokens"] > 0
    assert request["error"] is None
    assert span["attributes"]["llm.identity.source"] == "server"
    assert [step["kind"] for step in span["steps"]] == ["client"]  # the HTTP call


@pytest.mark.ollama
@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
@pytest.mark.parametrize("connector", CONNECTORS)
def test_a_missing_model_is_told_from_a_missing_server(road, ollama, connector, stream):
    answer, request, _ = road.send(connector, ollama.url, "missing:1b", stream=stream)

    assert answer.keys() == {"error"}
    assert request["status"] == "FAILED"
    assert request["llm_provider"] == "ollama"
    assert request["llm_model"] == "missing:1b"
    assert request["error"]["kind"] == "model_not_found"
    assert request["error"]["code"] == "404"
    assert "model 'missing:1b' not found" in request["error"]["words"]


@pytest.mark.ollama
@pytest.mark.parametrize("connector", CONNECTORS)
def test_a_server_that_was_killed_is_not_reached(road, ollama_program, tmp_path, connector):
    with OllamaServer(tmp_path / "ollama") as server:
        _, request, _ = road.send(connector, server.url, server.model, stream=False)
        assert request["status"] == "COMPLETED"
        server.kill()
        answer, request, _ = road.send(connector, server.url, server.model, stream=False)
        assert answer.keys() == {"error"}
        assert request["status"] == "FAILED"
        assert request["llm_provider"] == "ollama"
        assert request["error"]["kind"] == "not_reached"
        assert request["error"]["code"] == "connection_error"
        server.start()
        answer, request, _ = road.send(connector, server.url, server.model, stream=False)
        assert "text" in answer
        assert request["status"] == "COMPLETED"


@pytest.mark.ollama
def test_ollama_says_that_it_loaded_the_model_for_a_request(road, ollama_program, tmp_path):
    with OllamaServer(tmp_path / "ollama") as server:
        _, _, cold = road.send("ollama", server.url, server.model, stream=False)
        several = [road.send("ollama", server.url, server.model, stream=False)[2] for _ in range(5)]
        server.unload()
        _, _, again = road.send("ollama", server.url, server.model, stream=True)
    # By how long it took: on a machine that stands still just then, a request that finds the model there looks like one that does not.
    warm = min(several, key=lambda span: span["attributes"]["llm.timing.load"])
    assert [span["attributes"]["llm.cold_start"] for span in (cold, warm, again)] == [True, False, True]
    assert cold["attributes"]["llm.timing.load"] > warm["attributes"]["llm.timing.load"] > 0


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
@pytest.mark.parametrize(("runtime", "provider"), [("vllm", "vllm"), ("llama_server", "llamacpp")])
def test_other_runtimes_are_told_apart_though_they_speak_the_same(road, request, runtime, provider, stream):
    server = request.getfixturevalue(runtime)
    answer, stored, _ = road.send("openai", server.url, MODEL, stream=stream)

    assert answer == {"text": " brown one assistant while eight red birds red"}
    assert stored["status"] == "COMPLETED"
    assert stored["llm_provider"] == provider
    assert stored["llm_model"] == stored["llm_response_model"] == MODEL
    assert stored["llm_endpoint"] == f"{server.url}/v1"
    assert stored["usage"] == {"input_tokens": 16, "output_tokens": 8}


@pytest.mark.llamacpp
@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
def test_a_request_to_llama_cpp_stands_in_the_history(road, llamacpp, stream):
    answer, request, span = road.send("openai", llamacpp.url, llamacpp.model, stream=stream)

    assert answer["text"].strip()
    assert request["status"] == "COMPLETED"
    assert request["llm_provider"] == "llamacpp"
    assert request["llm_model"] == request["llm_response_model"] == llamacpp.model
    assert request["llm_endpoint"] == f"{llamacpp.url}/v1"
    assert (request["usage"] is None) is stream  # llama-cpp-python counts none in a stream
    assert span["attributes"]["llm.identity.source"] == "server"


@pytest.mark.ollama
@pytest.mark.parametrize("connector", CONNECTORS)
def test_an_application_without_the_two_lines_is_seen_through_opentelemetrys_command(bare_road, ollama, connector):
    answer, request, _ = bare_road.send(connector, ollama.url, ollama.model, stream=False)

    assert "text" in answer
    assert (request["status"], request["llm_provider"], request["llm_model"]) == ("COMPLETED", "ollama", ollama.model)
