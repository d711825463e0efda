"""Names of models for people, and back."""

import pytest

from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.friendly import friendly_label, friendly_name, named

NAMES = [
    ("models/gemma-3-4b-it", "Gemma 3 4B It"),
    ("google/gemma-3-4b-it", "Gemma 3 4B It"),
    ("gemma3:4b", "Gemma3 4B"),
    ("Qwen/Qwen2.5-7B-Instruct-AWQ", "Qwen2.5 7B Instruct AWQ"),
    ("gpt-4o-mini", "GPT 4o Mini"),
    ("models/mixtral-8x7b.gguf", "Mixtral 8x7b"),
    ("smollm-135m", "Smollm 135M"),
    ("/", "/"),
]


@pytest.mark.parametrize(("model", "friendly"), NAMES)
def test_there_and_back(model, friendly):
    assert friendly_name(model) == friendly
    assert named(friendly, [model, "other"]) == [model]
    assert named(friendly.lower(), [model, "other"]) == [model]
    assert named(model, [model, "other"]) == [model]


@pytest.mark.parametrize(
    ("provider", "url", "label"),
    [
        ("vllm", "http://localhost:8001/v1", "Gemma 3 4B It (vLLM @ 8001)"),
        ("ollama", "http://[::1]:11434", "Gemma 3 4B It (Ollama @ 11434)"),
        ("vllm", "http://gpu-box:8000/v1", "Gemma 3 4B It (vLLM @ gpu-box:8000)"),
        ("vllm", "http://[fd00::7]:8000", "Gemma 3 4B It (vLLM @ [fd00::7]:8000)"),
        ("openai", "https://api.openai.com/v1", "Gemma 3 4B It (OpenAI @ api.openai.com)"),
        ("somebody", None, "Gemma 3 4B It (somebody)"),
    ],
)
def test_the_label_says_where(provider, url, label):
    assert friendly_label("models/gemma-3-4b-it", provider, parse(url) if url else None) == label


def test_a_model_of_exactly_that_name_wins():
    known = ["models/gemma-3-4b-it", "google/gemma-3-4b-it", "Gemma 3 4B It"]
    assert named("Gemma 3 4B It", known) == ["Gemma 3 4B It"]
    assert named("gemma  3 4b it", known) == known
    assert named("google/gemma-3-4b-it", known) == ["google/gemma-3-4b-it"]


def test_the_tag_that_ollama_adds():
    assert named("llama3", ["llama3:latest", "llama3:8b"]) == ["llama3:latest"]
    assert named("Llama3", ["llama3:latest", "llama3:8b"]) == ["llama3:latest"]


def test_nobody_of_that_name():
    assert named("gemma", ["gemma-3", "models/gemma-3"]) == []
    assert named("", ["gemma-3"]) == []


def test_one_model_of_two_servers_is_one():
    assert named("gemma 3", ["gemma-3", "gemma-3"]) == ["gemma-3"]
