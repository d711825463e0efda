"""Requests summed up, over HTTP."""

import time

import pytest
from support.otlp import SECOND, chat

MINUTE = 60 * SECOND
START = 1_790_000_040 * SECOND
SINCE, UNTIL = "2026-09-21T14:14:00Z", "2026-09-21T15:14:00Z"


@pytest.fixture
def filled(api):
    """Some requests of two providers within three minutes."""
    tokens = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 60}
    failed = {"llm.outcome": "error", "llm.error.kind": "auth"}
    api.send(
        chat("ollama", "a", more=tokens | {"gen_ai.response.time_to_first_chunk": 0.5}, start_ns=START, duration_ns=2 * SECOND),
        chat("ollama", "a", more=tokens, start_ns=START + MINUTE, duration_ns=2 * SECOND),
        chat("vllm", "b", more=failed, start_ns=START + 2 * MINUTE),
        chat("vllm", "b", more={"llm.outcome": "cancelled"}, start_ns=START + 2 * MINUTE),
    )
    return api


def figures(api, **query):
    answer = api.get("/history/aggregates", **({"since": SINCE, "until": UNTIL} | query))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_one_group_over_a_range(filled):
    found = figures(filled)
    (item,) = found.pop("items")
    assert found == {"since": SINCE, "until": UNTIL, "step_seconds": None, "missing": None}
    spread = item.pop("duration")
    assert (spread["count"], spread["mean"]) == (4, 1.5)
    assert [spread[name] for name in ("p50", "p95", "p99")] == [pytest.approx(value, rel=0.012) for value in (1, 2, 2)]
    assert item.pop("first_token")["p50"] == pytest.approx(0.5, rel=0.012)
    assert item == {
        "group": {},
        "since": SINCE,
        "requests": 4,
        "completed": 2,
        "failed": 1,
        "cancelled": 1,
        "error_rate": 0.25,
        "usage": {"input_tokens": 20, "output_tokens": 120},
        "throughput": 0.033,
        "speed": 39.333,  # that of the stream
    }


def test_groups_and_steps(filled):
    found = figures(filled, by=["provider", "model"], step="1m")
    assert found["step_seconds"] == 60
    assert [(item["since"][14:16], item["group"], item["requests"]) for item in found["items"]] == [
        ("14", {"provider": "ollama", "model": "a"}, 1),
        ("15", {"provider": "ollama", "model": "a"}, 1),
        ("16", {"provider": "vllm", "model": "b"}, 2),
    ]
    assert found["items"][0]["throughput"] == 1.0
    assert found["items"][2]["first_token"] == {"count": 0, "mean": None, "p50": None, "p95": None, "p99": None}


def test_filters_and_a_step_of_its_own_choice(filled):
    found = figures(filled, status="FAILED", provider="vllm", step="auto")
    assert found["step_seconds"] == 60
    assert [(item["requests"], item["failed"], item["speed"]) for item in found["items"]] == [(1, 1, None)]
    found = figures(filled, status=["FAILED", "COMPLETED"], by="provider")
    assert [(item["group"], item["requests"]) for item in found["items"]] == [({"provider": "ollama"}, 2), ({"provider": "vllm"}, 1)]


def test_fallbacks_alone(filled):
    first, instead = ({"llm.route.attempt": number, "llm.route.fallback": number > 1} for number in (1, 2))
    filled.send(chat("vllm", "b", more=first, start_ns=START), chat("ollama", "a", more=instead, start_ns=START))
    requests = {fallback: figures(filled, fallback=fallback, by="provider")["items"] for fallback in ("true", "false")}
    assert [(item["group"]["provider"], item["requests"]) for item in requests["true"]] == [("ollama", 1)]
    assert [(item["group"]["provider"], item["requests"]) for item in requests["false"]] == [("vllm", 1)]


def test_the_last_hour_where_nothing_is_said(api):
    now = time.time_ns()
    api.send(chat(start_ns=now - 5 * MINUTE), chat(start_ns=now - 90 * MINUTE))
    assert [item["requests"] for item in api.get("/history/aggregates").json()["items"]] == [1]


def test_values_of_the_filters(api):
    assert api.get("/history/filters").json() == {
        "provider": [], "model": [], "endpoint": [], "service": [], "status": [], "error_kind": [],
    }  # fmt: skip
    api.send(chat("ollama", "a"), chat("vllm", "b"), chat("vllm", "b", more={"llm.outcome": "error", "llm.error.kind": "auth"}))
    assert api.get("/history/filters").json() == {
        "provider": [{"value": "vllm", "requests": 2}, {"value": "ollama", "requests": 1}],
        "model": [{"value": "b", "requests": 2}, {"value": "a", "requests": 1}],
        "endpoint": [{"value": "http://vllm:1/v1", "requests": 2}, {"value": "http://ollama:1/v1", "requests": 1}],
        "service": [{"value": "chat-api", "requests": 3}],
        "status": [{"value": "COMPLETED", "requests": 2}, {"value": "FAILED", "requests": 1}],
        "error_kind": [{"value": "auth", "requests": 1}],
    }


@pytest.mark.parametrize(
    ("query", "parameter", "words"),
    [
        ({"since": "1h", "until": "2h"}, None, "`since` must be earlier than `until`"),
        ({"step": "30s"}, None, "the step must be whole minutes, like 1m or 15m"),
        ({"since": "2d", "step": "15m"}, None, "the step must be whole hours, like 1h or 6h, for more than a day"),
        ({"since": "300d", "step": "1h"}, None, "at most 1500 steps: take a wider step or a shorter range"),
        ({"since": "300d", "until": "301d", "step": "auto"}, None, "`since` must be earlier than `until`"),
        ({"step": "wide"}, "step", "'wide' is no span of time: give one like 30s, 15m, 2h, 7d"),
        ({"since": "lately"}, "since", "'lately' is no time"),
        ({"by": "colour"}, "by", "Input should be 'provider', 'model', "),
        ({"text": "x"}, None, "there is no parameter 'text', only provider, model, "),
    ],
    ids=str,
)
def test_what_cannot_be_is_said(api, query, parameter, words):
    answer = api.get("/history/aggregates", **query)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    (wrong,) = answer.json()["parameters"]
    assert wrong["parameter"] == parameter
    assert words in wrong["detail"]
    assert wrong["detail"] in answer.json()["detail"]


def test_a_store_that_cannot_be_read(api):
    api.store.close()
    for path in ("/history/aggregates", "/history/filters"):
        assert api.get(path).status_code == 503
