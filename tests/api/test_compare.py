"""Models and servers side by side, over HTTP."""

import json

import httpx
import pytest
from support.otlp import SECOND, chat, traces
from support.patience import WAIT_S
from support.served import served

from venom_otel.api import create_app
from venom_otel.services.history import History
from venom_otel.services.offered import Services
from venom_otel.services.prices import Prices
from venom_otel.settings import CockpitSettings
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal

START = 1_790_000_040 * SECOND
TIME = {"since": "2026-09-21T14:14:00Z", "until": "2026-09-21T15:14:00Z"}
TOKENS = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 50}


def some(provider, number, seconds=1.0, **more):
    return [chat(provider, "m", more=TOKENS | more, start_ns=START + at, duration_ns=round(seconds * SECOND)) for at in range(number)]


@pytest.fixture
def filled(api):
    """Requests of two providers, and one of another application."""
    failed = {"llm.outcome": "error", "llm.error.kind": "auth"}
    cold = {"llm.cold_start": True, "llm.route.fallback": True, "gen_ai.response.time_to_first_chunk": 0.5}
    told = {"llm.timing.generation": 0.5}
    api.send(*some("ollama", 20, 2, **cold), *some("vllm", 30, **told))
    api.send(*(chat("vllm", "m", more=failed, start_ns=START) for _ in range(10)))
    api.send(*some("ollama", 1), service="batch")
    return api


def compared(api, **query):
    answer = api.get("/history/compare", **(TIME | query))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_rows(filled):
    found = compared(filled, service="chat-api")
    vllm, ollama = found.pop("items")
    assert found == TIME | {"by": "place", "prices_problem": None, "missing": None}
    assert vllm["group"] == {"provider": "vllm", "model": "m", "endpoint": "http://vllm:1/v1"}
    assert vllm["duration"] == {"count": 30, "mean": 1.0} | {name: pytest.approx(1, rel=0.012) for name in ("p50", "p95", "p99")}
    assert (vllm["first_token"]["count"], vllm["cold_starts"], vllm["cost"]) == (0, None, None)
    assert (vllm["requests"], vllm["completed"], vllm["failed"], vllm["cancelled"], vllm["few"]) == (40, 30, 10, 0, False)
    assert (vllm["error_rate"], vllm["error_kinds"]) == (0.25, [{"kind": "auth", "requests": 10}])
    assert vllm["best"] == ["duration_p50", "duration_p95", "speed"]
    assert vllm["worst"] == ["error_rate"]
    assert (ollama["cold_starts"], ollama["stood_in"], ollama["gave_way"]) == ({"cold": 20, "told": 20}, 20, 0)
    assert ollama["usage"] == {"input_tokens": 2000, "output_tokens": 1000}
    assert (vllm["speed"], ollama["speed"], ollama["first_token"]["p95"]) == (98, 32.667, pytest.approx(0.5, rel=0.012))


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("model", [{"model": "m"}]),
        ("provider", [{"provider": "vllm"}, {"provider": "ollama"}]),
        ("endpoint", [{"endpoint": "http://vllm:1/v1"}, {"endpoint": "http://ollama:1/v1"}]),
    ],
)
def test_what_a_row_is(filled, by, groups):
    assert [row["group"] for row in compared(filled, by=by)["items"]] == groups


def test_applications(filled):
    assert [row["requests"] for row in compared(filled, service=["batch"])["items"]] == [1]
    assert [row["requests"] for row in compared(filled, service=["batch", "chat-api"], by="model")["items"]] == [61]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [({"by": "colour"}, "by"), ({"since": "noon"}, "since"), ({"provider": "vllm"}, None), ({"since": "1h", "until": "2h"}, None)],
)
def test_a_parameter_that_cannot_be(api, query, parameter):
    answer = api.get("/history/compare", **query)
    assert answer.status_code == 422
    assert [problem["parameter"] for problem in answer.json()["parameters"]] == [parameter]


def test_costs_and_prices_that_break_later(tmp_path):
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"currency": "EUR", "models": {"m": {"input": 1, "output": 2}}}))
    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store:
        store.write(Signal.TRACES, traces(*some("vllm", 10))).result(WAIT_S)
        app = create_app(Services(history=History(store), prices=Prices(file)), CockpitSettings())
        with served(app) as url, httpx.Client(base_url=url) as client:

            def asked():
                return client.get("/api/v1/history/compare", params=TIME).json()

            assert asked()["items"][0]["cost"] == {"amount": 0.002, "currency": "EUR", "per_answer": 0.0002, "without_price": []}
            file.write_text("{}")
            found = asked()
            assert found["items"][0]["cost"] is None
            assert found["prices_problem"].startswith(f"VENOM_OTEL_PRICES={file}: expected")
