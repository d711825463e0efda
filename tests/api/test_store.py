"""How much is kept, and deleting it, over the API."""

import httpx
import pytest
from support.otlp import chat, log_record, log_records, metrics, span, traces
from support.patience import WAIT_S
from support.served import served

from venom_otel.api import create_app
from venom_otel.services.history import History
from venom_otel.services.offered import Services
from venom_otel.settings import CockpitSettings
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal

TOKEN = "q9-Zs_0123456789abcdef"
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def client(tmp_path):
    with (
        EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store,
        served(create_app(Services(history=History(store)), CockpitSettings(), token=TOKEN)) as url,
        httpx.Client(base_url=f"{url}/api/v1", timeout=WAIT_S) as client,
    ):
        store.write(Signal.TRACES, traces(chat(), span())).result(WAIT_S)
        store.write(Signal.METRICS, metrics(1, 2, 3)).result(WAIT_S)
        store.write(Signal.LOGS, log_records(log_record())).result(WAIT_S)
        yield client


def test_usage(client):
    usage = client.get("/store").json()
    assert usage.pop("size_bytes") > 0
    assert usage.pop("oldest").endswith("Z")
    assert usage == {"spans": 2, "points": 3, "records": 1, "requests": 1}


def test_everything_is_deleted(client):
    answer = client.post("/store/purge", json={"all": True}, headers=WITH_TOKEN)
    assert answer.status_code == 200, answer.text
    purged = answer.json()
    assert purged.pop("freed_bytes") >= 0
    assert purged == {"spans": 2, "points": 3, "records": 1, "requests": 1}
    usage = client.get("/store").json()
    assert (usage["spans"], usage["points"], usage["records"], usage["requests"], usage["oldest"]) == (0, 0, 0, 0, None)


def test_what_is_older_is_deleted(client):
    assert client.post("/store/purge", json={"before": "1h"}, headers=WITH_TOKEN).json()["spans"] == 0
    assert client.post("/store/purge", json={"before": "0s"}, headers=WITH_TOKEN).json()["spans"] == 2


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_deleting_needs_the_token(client, headers):
    answer = client.post("/store/purge", json={"all": True}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert client.get("/store").json()["spans"] == 2


@pytest.mark.parametrize("what", [{}, {"all": False}, {"all": True, "before": "1h"}, {"before": "some time"}, {"older": "1h"}])
def test_an_order_must_say_one_thing(client, what):
    answer = client.post("/store/purge", json=what, headers=WITH_TOKEN)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert client.get("/store").json()["spans"] == 2


def test_without_a_token_deleting_is_not_offered(tmp_path):
    with (
        EmbeddedStore(tmp_path / "u.db", min_free_bytes=0) as store,
        served(create_app(Services(history=History(store)), CockpitSettings())) as url,
    ):
        assert httpx.post(f"{url}/api/v1/store/purge", json={"all": True}).status_code == 404
