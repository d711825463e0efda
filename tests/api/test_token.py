"""Operations that write need the token."""

from http import HTTPStatus

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from support.served import served

from venom_otel.api import problems
from venom_otel.api.security import TokenRequired

TOKEN = "q9-Zs_0123456789abcdef"


@pytest.fixture(scope="module")
def url():
    """An application with one operation that writes."""
    app = FastAPI()
    router = APIRouter(dependencies=[Depends(TokenRequired(TOKEN))], responses=problems.responses(HTTPStatus.UNAUTHORIZED))

    @router.post("/write")
    async def write() -> str:
        return "written"

    app.include_router(router)
    problems.install(app)
    with served(app) as address:
        yield address


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_with_the_token(url, scheme):
    answer = httpx.post(f"{url}/write", headers={"Authorization": f"{scheme} {TOKEN}"})
    assert (answer.status_code, answer.json()) == (200, "written")


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "needs the token"),
        ({"Authorization": TOKEN}, "needs the token"),
        ({"Authorization": f"Basic {TOKEN}"}, "needs the token"),
        ({"Authorization": f"Bearer {TOKEN}x"}, "not the right token"),
        ({"Authorization": b"Bearer \xc3\xa4"}, "not the right token"),
        ({"Cookie": f"token={TOKEN}"}, "needs the token"),
    ],
)
def test_without_it(url, headers, words):
    answer = httpx.post(f"{url}/write", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"] == "Bearer"
    detail = answer.json()["detail"]
    assert words in detail
    assert "`token` of its data directory" in detail
    assert TOKEN not in answer.text


def test_openapi_says_so(url):
    described = httpx.get(f"{url}/openapi.json").json()
    assert described["paths"]["/write"]["post"]["security"] == [{"token": []}]
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "application/problem+json" in described["paths"]["/write"]["post"]["responses"]["401"]["content"]
