"""What the user says counts most, and mistakes in it are named."""

import pytest

from venom_otel import semconv
from venom_otel.errors import SettingsError
from venom_otel.identity.configured import Configured, parse_providers
from venom_otel.identity.endpoint import parse
from venom_otel.identity.model import Identity

KEY = "Zx9-planted.KEY~42"


def said(provider):
    return Identity(provider, semconv.SOURCE_CONFIG)


def test_the_setting_is_read():
    text = "http://gpu:8000=vllm, my-service=llamacpp,,gpu2:8001 = azure.ai.openai ,http://h/v1=ollama"
    assert parse_providers(text) == {
        "http://gpu:8000": "vllm",
        "my-service": "llamacpp",
        "gpu2:8001": "azure.ai.openai",
        "http://h/v1": "ollama",
    }
    assert parse_providers("") == {}


@pytest.mark.parametrize(
    "text",
    [
        "vllm",
        "=vllm",
        "gpu=",
        "gpu=v llm",
        "gpu=vllm=",
        "http://=vllm",
        "http://h/v1?a=b=ollama",
        f"http://u:{KEY}@[zz]=vllm",
        f"x=http://u:{KEY}@h",
    ],
)
def test_an_unusable_setting_names_the_variable_and_no_key(text):
    with pytest.raises(SettingsError, match="VENOM_OTEL_PROVIDERS") as caught:
        parse_providers(text)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("providers", [{"a": ""}, {"a": "b c"}, {"a": None}, {"ftp://a": "vllm"}])
def test_an_unusable_argument_is_named(providers):
    with pytest.raises(SettingsError, match="providers"):
        Configured(providers)


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("http://gpu:8000", "vllm"),
        ("http://gpu:8000/v1", "vllm"),
        ("http://GPU:8000/some/path/v1", "vllm"),
        ("https://gpu:8000", "vllm"),
        ("http://gpu:8000/ollama", "ollama"),
        ("http://gpu:8000/ollama/v1", "ollama"),
        ("http://gpu:8000/ollama2/v1", "vllm"),
        ("http://gpu:8001", None),
        ("http://gpu2:8000", None),
        ("http://127.0.0.1:9000/v1", "llamacpp"),
        ("http://host.docker.internal:9000/v1", "llamacpp"),
        ("http://[fd00::1]:7000/v1", "sglang"),
    ],
)
def test_addresses(url, provider):
    aliases = "host.docker.internal=localhost"
    configured = Configured(
        {"http://gpu:8000/v1": "vllm", "http://gpu:8000/ollama/v1/": "ollama", "localhost:9000": "llamacpp", "[fd00::1]:7000": "sglang"},
        aliases=aliases,
    )
    assert configured.of_address(parse(url, aliases)) == (said(provider) if provider else None)


def test_service_ids():
    configured = Configured({"my-service": "vllm"})
    assert configured.of_service("my-service") == said("vllm")
    assert configured.of_service("other") is None
    assert configured.of_address(parse("http://my-service")) is None
