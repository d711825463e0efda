"""What goes wrong before a route is reached, or inside one, is a problem in words all the same."""

import httpx
import pytest
from fastapi import FastAPI
from support.cockpit import wait_for
from support.served import served

from venom_otel.api import problems

TOO_GREAT = 2**63


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        (f"/metrics/{TOO_GREAT}/points", "series"),
        (f"/logs?before={TOO_GREAT}", "before"),
        (f"/history/requests?after={TOO_GREAT}", "after"),
    ],
)
def test_a_number_that_no_store_can_hold(api, path, parameter):
    answer = api.client.get(f"/api/v1{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [each["parameter"] for each in answer.json()["parameters"]] == [parameter]


@pytest.fixture
def client():
    app = FastAPI()

    @app.post("/number")
    async def number(value: dict[str, int]) -> int:
        return 1 // value["divisor"]

    problems.install(app)
    with served(app) as url, httpx.Client(base_url=url) as client:
        yield client


def test_a_body_that_is_no_text(client):
    answer = client.post("/number", content=b"\xff", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json() == {"title": "Bad Request", "status": 400, "detail": "the body is not JSON in UTF-8"}
    described = client.get("/openapi.json").json()["paths"]["/number"]["post"]["responses"]["400"]
    assert described["content"]["application/problem+json"]["example"] == answer.json()


def test_a_mistake_of_ours(client, caplog):
    answer = client.post("/number", json={"divisor": 0})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["detail"] == "venom-otel itself failed (ZeroDivisionError); its log says how."
    wait_for(lambda: "ZeroDivisionError: integer division" in caplog.text, "the traceback in the log")  # the answer goes first
