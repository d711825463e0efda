"""`venom-otel doctor` over model servers: who answers where, and what is missing."""

import pytest
from support import servers as model_servers
from support.chat_server import ChatServer
from support.doctor import findings, holds
from support.personas import nobody
from support.replay import ReplayServer

from venom_otel.cli.doctor import servers
from venom_otel.testing import SimulatedModel, SimulatedVllm

KEY = "sk-0123456789-never-shown"


@pytest.fixture
def answers(monkeypatch, shell):
    """What is found of servers; `usual` are the ports taken for the usual ones."""
    for vendor in servers._VENDORS:
        for kind in (*servers._ADDRESSES, "API_KEY"):
            monkeypatch.delenv(f"{vendor}_{kind}", raising=False)

    def ask(*usual, **values):
        shell(**values)
        monkeypatch.setattr(servers, "USUAL_PORTS", dict.fromkeys(usual, "Somebody"))
        return findings(servers.check())

    return ask


def test_servers_at_usual_ports_say_who_they_are(answers, simulated_ollama, closed_port):
    nobody_there = closed_port.port
    lines = answers(nobody_there, int(simulated_ollama.url.rpartition(":")[2]))
    holds(lines, f"ok: {simulated_ollama.url}: ollama 0.17.4-simulated; models: simulated-llama-3b")
    assert not any(str(nobody_there) in line for line in lines)
    lines = answers(nobody_there)
    holds(lines, f"note: nobody answers at the usual local ports: {nobody_there} (Somebody)", "note: no API key is set")


def test_many_models(answers):
    with SimulatedVllm(*(SimulatedModel(f"m{number}") for number in range(5))) as server:
        holds(answers(VLLM_ENDPOINT=server.url), f"ok: {server.url} (VLLM_ENDPOINT): vllm", "models: m0, m1, m2 and 2 more")


def test_a_server_that_breaks_off_its_answer_when_asked_for_its_models(answers):
    description = model_servers.page({"openapi": "3.1.0", "info": {"title": "llama.cpp Python API"}}, model_servers.UVICORN)
    with ReplayServer(model_servers.LLAMA_CPP_PYTHON | {"/openapi.json": description}) as server:
        holds(answers(LLAMACPP_ENDPOINT=server.url), f"ok: {server.url} (LLAMACPP_ENDPOINT): llamacpp")
        assert "/v1/models" not in server.paths


def test_several_servers_of_one_runtime(answers, simulated_vllm, simulated_ollama):
    lines = answers(VLLM_ENDPOINT=f"{simulated_vllm.url},big={simulated_ollama.url}", OLLAMA_HOST=simulated_ollama.url)
    holds(lines, f"ok: {simulated_vllm.url} (VLLM_ENDPOINT): vllm", f"ok: {simulated_ollama.url} (VLLM_ENDPOINT): ollama")
    holds(lines, f"ok: {simulated_ollama.url} (OLLAMA_HOST): ollama")
    lines = answers(VLLM_ENDPOINT="Big=http://a:1")
    holds(lines, "broken: VLLM_ENDPOINT: 'Big' is no name")


def test_a_named_server_that_is_not_there(answers):
    lines = answers(OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    holds(lines, "broken: http://127.0.0.1:9/v1 (OPENAI_BASE_URL): nobody answers → start the server, or correct OPENAI_BASE_URL")


def test_a_server_that_says_nothing(answers):
    with ChatServer(nobody) as server:
        lines = answers(server.port)
        holds(lines, f"note: {server.url}: something answers that is no model server known here")
        lines = answers(OPENAI_BASE_URL=server.url)
        holds(lines, "does not say which runtime it is", f"if you know better: VENOM_OTEL_PROVIDERS={server.url}=vllm")
        lines = answers(VENOM_OTEL_PROVIDERS=f"{server.url}=sglang")
        holds(lines, f"ok: {server.url} (OPENAI_BASE_URL): sglang, as VENOM_OTEL_PROVIDERS says")


def test_a_server_that_wants_a_key(answers):
    def locked(path):
        return 401, "application/json", b'{"error": "Unauthorized"}'

    with ChatServer(locked) as server:
        lines = answers(VLLM_ENDPOINT=server.url, VLLM_API_KEY=f" {KEY} ")
    holds(lines, "wants another key before it says who it is", "VLLM_API_KEY has blanks or quotes around it", "(never shown): VLLM_API_KEY")
    assert KEY not in "\n".join(lines)


def test_a_public_server_is_not_asked(answers):
    lines = answers(OPENAI_BASE_URL="https://api.openai.com/v1", AZURE_OPENAI_ENDPOINT="https://mine.openai.azure.com")
    holds(
        lines,
        "ok: https://api.openai.com/v1 (OPENAI_BASE_URL): openai, by its public name; not asked",
        "ok: https://mine.openai.azure.com (AZURE_OPENAI_ENDPOINT): azure.ai.openai, by its public name; not asked",
    )


@pytest.mark.parametrize(
    ("value", "url"),
    [("0.0.0.0", "http://127.0.0.1:11434"), ("0.0.0.0:9", "http://127.0.0.1:9"), ("http://127.0.0.1:9/", "http://127.0.0.1:9")],
)
def test_ollama_host_as_ollama_reads_it(answers, value, url):
    (line,) = [line for line in answers(OLLAMA_HOST=value) if "OLLAMA_HOST" in line]
    assert f"{url} (OLLAMA_HOST)" in line


def test_an_address_that_is_none(answers):
    holds(answers(OPENAI_BASE_URL="http://[::1"), "broken: OPENAI_BASE_URL: ", "give a base URL")
