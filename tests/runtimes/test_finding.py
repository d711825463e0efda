"""Which servers there are, by the settings or by asking who answers at the usual ports."""

from __future__ import annotations

import asyncio
from types import MappingProxyType

import pytest
from support import servers
from support.replay import ReplayServer

from venom_otel.errors import SettingsError
from venom_otel.runtimes import finding, registry
from venom_otel.runtimes.compatible import CompatibleAdapter
from venom_otel.runtimes.ollama import OllamaAdapter
from venom_otel.settings import RuntimeSettings, load

VARIABLES = [name.upper() for name in RuntimeSettings.model_fields]
KEY = "Zx9-planted.KEY~42"


@pytest.fixture
def settings(monkeypatch):
    """Makes settings of an environment with nothing but what is given."""

    def make(**variables: str) -> RuntimeSettings:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return load(RuntimeSettings)

    return make


@pytest.fixture
def usual(monkeypatch):
    """Takes other ports for the usual ones, and for those that providers take by themselves."""

    def take(**ports: int) -> None:
        from venom_otel.runtimes import names

        monkeypatch.setattr(finding, "USUAL_PORTS", MappingProxyType({port: provider for provider, port in ports.items()}))
        monkeypatch.setattr(names, "_AT_HOME", {port: provider for provider, port in ports.items()})

    return take


def found(made: RuntimeSettings) -> list[tuple[str, str, str, str | None]]:
    return [(one.name, one.provider, one.endpoint.url, one.named_by) for one in asyncio.run(finding.find(made))]


def test_each_variable(settings):
    made = settings(
        OLLAMA_ENDPOINT="http://localhost:11434",
        OLLAMA_HOST="not-heard",
        VLLM_ENDPOINT="http://localhost:8001/v1",
        LLAMACPP_ENDPOINT="localhost:8080",
        OPENAI_BASE_URL="https://api.openai.com/v1",
    )
    assert found(made) == [
        ("ollama", "ollama", "http://localhost:11434", "OLLAMA_ENDPOINT"),
        ("vllm", "vllm", "http://localhost:8001/v1", "VLLM_ENDPOINT"),
        ("llamacpp", "llamacpp", "http://localhost:8080", "LLAMACPP_ENDPOINT"),
        ("openai", "openai", "https://api.openai.com/v1", "OPENAI_BASE_URL"),
    ]


def test_ollamas_own_variable(settings):
    assert found(settings(OLLAMA_HOST="0.0.0.0:9999", OLLAMA_ENDPOINT="")) == [
        ("ollama", "ollama", "http://127.0.0.1:9999", "OLLAMA_HOST"),
    ]


def test_several_of_one_runtime(settings):
    made = settings(VLLM_ENDPOINT=" http://a:8000 , big=http://b:8000/v1, http://c:8000/v1?x=y,", VLLM_API_KEY=KEY)
    runtimes = asyncio.run(finding.find(made))
    assert [(one.name, one.label, one.endpoint.url) for one in runtimes] == [
        ("vllm", "vLLM", "http://a:8000"),
        ("big", "vLLM (big)", "http://b:8000/v1"),
        ("vllm-3", "vLLM (vllm-3)", "http://c:8000/v1"),
    ]
    assert {one.key.get_secret_value() for one in runtimes} == {KEY}
    assert KEY not in repr(runtimes) + repr(made)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"VLLM_ENDPOINT": "http://:8000"}, "VLLM_ENDPOINT: A base URL of 12 characters"),
        ({"VLLM_ENDPOINT": "Big Box=http://a:8000"}, "VLLM_ENDPOINT: 'Big Box' is no name"),
        ({"VLLM_ENDPOINT": "a=http://a:8000,a=http://b:8000"}, "VLLM_ENDPOINT: the name a is taken"),
        ({"OLLAMA_ENDPOINT": "x=http://a:1", "VLLM_ENDPOINT": "x=http://b:1"}, "VLLM_ENDPOINT: the name x is taken"),
        ({"VLLM_ENDPOINT": "events=http://a:8000"}, "VLLM_ENDPOINT: the name events is taken"),
        ({"LLM_LOCAL_ENDPOINT": "ftp://a"}, "LLM_LOCAL_ENDPOINT: A base URL"),
    ],
)
def test_what_cannot_be_used_is_named(settings, variables, words):
    with pytest.raises(SettingsError) as raised:
        found(settings(**variables))
    assert str(raised.value).startswith(words)


def test_with_nothing_named_the_usual_ports_are_asked(settings, usual):
    with ReplayServer(servers.VLLM) as vllm, ReplayServer(servers.OLLAMA) as elsewhere, ReplayServer(servers.WEB_SITE) as page:
        usual(vllm=vllm.port, llamacpp=elsewhere.port, ollama=page.port)
        made = settings(VLLM_API_KEY=KEY, OLLAMA_API_KEY=KEY)
        assert found(made) == [
            ("vllm", "vllm", vllm.url, None),
            (f"ollama-{elsewhere.port}", "ollama", elsewhere.url, None),  # at a port that is another one's
        ]
        for server in (vllm, elsewhere, page):
            assert not any("authorization" in request.headers for request in server.asked)  # a key goes to named servers alone


def test_a_gateway_at_a_usual_port(settings, usual):
    with ReplayServer(servers.LITELLM) as gateway:
        usual(litellm=gateway.port)
        assert found(settings()) == [("litellm", "unknown", gateway.url, None)]


def test_a_cloud_alone_does_not_hide_what_runs_here(settings, usual):
    with ReplayServer(servers.OLLAMA) as ollama:
        usual(ollama=ollama.port)
        assert [one[0] for one in found(settings(OPENAI_BASE_URL="https://api.openai.com/v1"))] == ["openai", "ollama"]
        assert [one[0] for one in found(settings(OPENAI_BASE_URL=f"{ollama.url}/v1"))] == ["openai"]  # one server, once
        ollama.asked.clear()
        assert [one[0] for one in found(settings(VLLM_ENDPOINT="http://127.0.0.1:9"))] == ["vllm"]
        assert ollama.asked == []


def test_the_applications_local_endpoint_is_asked_who_it_is(settings, usual, kept):
    usual()
    with ReplayServer(servers.VLLM, kept) as server:
        url = f"{server.url}/v1"
        assert found(settings(LLM_LOCAL_ENDPOINT=url)) == [("vllm", "vllm", url, "LLM_LOCAL_ENDPOINT")]
        server.asked.clear()
        named = settings(LLM_LOCAL_ENDPOINT=url, VLLM_ENDPOINT=f"gpu={server.url}")
        assert found(named) == [("gpu", "vllm", server.url, "VLLM_ENDPOINT")]
        assert server.asked == []
    assert found(settings(LLM_LOCAL_ENDPOINT=url)) == [("local", "unknown", url, "LLM_LOCAL_ENDPOINT")]


def test_a_runtime_of_another_package(settings, monkeypatch):
    """An entry point brings the adapter; its variable is named as ours are. One that would replace ours is not heard."""
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point(group), Point(group, lambda: Own("ollama"), "ollama")])
    registry.adapters.cache_clear()
    try:
        monkeypatch.setenv("MY_SERVER_ENDPOINT", "http://my:1234")
        monkeypatch.setenv("MY_SERVER_API_KEY", KEY)
        (one,) = finding.configured(settings())
        assert (one.name, one.provider, one.endpoint.url, one.named_by) == (
            "my-server",
            "my-server",
            "http://my:1234",
            "MY_SERVER_ENDPOINT",
        )
        assert one.key.get_secret_value() == KEY
        assert type(registry.adapter("my-server")) is Own
        assert type(registry.adapters()["ollama"]) is OllamaAdapter
    finally:
        registry.adapters.cache_clear()


class Own(CompatibleAdapter):
    """An adapter of another package."""


class Point:
    """An entry point."""

    def __init__(self, group: str, made=lambda: Own("my-server"), name="my-server") -> None:
        assert group == "venom_otel.runtimes"
        self.name = name
        self.value = "my_package:Own"
        self.load = lambda: made


def unloadable():
    raise ImportError(KEY)


class Half:
    """An adapter of somebody who has not read the whole protocol."""

    provider = label = "my-server"
    abilities = frozenset()

    async def read(self, client, runtime):
        raise NotImplementedError


class Seldom(Half):
    least_interval_s = "seldom"


@pytest.mark.parametrize("made", [unloadable, Half, Seldom], ids=lambda made: made.__name__)
def test_an_adapter_that_cannot_be_used(monkeypatch, caplog, made):
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point(group, made)])
    registry.adapters.cache_clear()
    try:
        assert set(registry.adapters()) == {"ollama", "vllm", "llamacpp", "openai"}
        assert type(registry.adapter("my-server")) is CompatibleAdapter
    finally:
        registry.adapters.cache_clear()
    assert "the adapter my-server (my_package:Own) cannot be loaded" in caplog.text
    assert KEY not in caplog.text
