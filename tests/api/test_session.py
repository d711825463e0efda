"""Our own page writes with its session; no other page, name, port or program does by the cookie alone."""

from http import HTTPStatus

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from support.served import served

from venom_otel.api import create_app, problems
from venom_otel.api.links import PREFIX
from venom_otel.api.security import By, TokenRequired
from venom_otel.api.session import PageSession
from venom_otel.services.history import History
from venom_otel.services.offered import Services
from venom_otel.settings import CockpitSettings
from venom_otel.store.embedded import EmbeddedStore

TOKEN = "q9-Zs_0123456789abcdef"
OURS = {"Sec-Fetch-Site": "same-origin"}
PURGE = f"{PREFIX}/store/purge"


@pytest.fixture
def url(tmp_path):
    """The cockpit's API with a page that gives the session; it may be opened as `cockpit.lan`, too."""
    session = PageSession()
    page = FastAPI()

    @page.get("/lite")
    def lite(request: Request, response: Response) -> str:
        session.give(request, response)
        return "the page"

    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store:
        settings = CockpitSettings(allowed_hosts="cockpit.lan")
        app = create_app(Services(history=History(store)), settings, token=TOKEN, session=session)
        app.mount("/", page)
        with served(app) as address:
            yield address


@pytest.fixture
def opened(url):
    """A browser that has opened the page, as far as cookies go."""
    with httpx.Client(base_url=url) as client:
        client.get("/lite").raise_for_status()
        yield client


def write(client, headers, **more):
    return client.post(PURGE, json={"before": "7d"}, headers=headers, **more)


def test_the_page_that_was_opened_may_write(opened, url):
    assert write(opened, OURS).status_code == 200
    assert write(opened, {"Origin": url}).status_code == 200  # a browser that says no more
    assert write(opened, {**OURS, "Origin": url}).status_code == 200


def test_the_cookie_is_for_this_page_alone(url):
    answer = httpx.get(f"{url}/lite")
    cookie = answer.headers["set-cookie"]
    name, _, rest = cookie.partition("=")
    value, *attributes = [part.strip() for part in rest.split(";")]
    assert name == f"venom-otel-{url.rpartition(':')[2]}"
    assert {each.lower() for each in attributes} == {"httponly", "samesite=strict", f"path={PREFIX}"}
    assert len(value) >= 43  # 256 bits
    assert TOKEN not in cookie


def test_over_tls_the_cookie_stays_there():
    response = Response()
    PageSession().give(
        Request({"type": "http", "scheme": "https", "path": "/", "headers": [(b"host", b"x")], "server": ("x", 443)}), response
    )
    assert "secure" in response.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a program that found the cookie, and says nothing of itself
        {"Sec-Fetch-Site": "none"},  # typed into the browser, or a bookmark
        {"Sec-Fetch-Site": "same-site"},  # another port of this machine
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "{own}"},
        {"Origin": "https://cockpit.lan"},  # may read
        {"Origin": "http://cockpit.lan:3000", "Host": "cockpit.lan:8765"},
    ],
    ids=str,
)
def test_not_from_anywhere_else(opened, url, headers):
    answer = write(opened, {name: value.format(own=url) for name, value in headers.items()})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "needs the token" in answer.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ],
    ids=str,
)
def test_pages_of_others_and_names_made_to_point_here_are_refused_before(opened, headers):
    assert write(opened, OURS | headers).status_code == 403


def test_under_another_name_of_ours(url):
    with httpx.Client(base_url=url, headers={"Host": "cockpit.lan"}) as client:
        cookie = client.get("/lite").headers["set-cookie"].partition(";")[0]
        own = {"Cookie": cookie, "Origin": "http://cockpit.lan"}  # no secure context, so no Sec-Fetch-Site
        assert write(client, own).status_code == 200
        assert write(client, {"Cookie": cookie}).status_code == 401


@pytest.mark.parametrize("value", ["", "x", "ä", TOKEN])
def test_another_value(url, value):
    name = f"venom-otel-{url.rpartition(':')[2]}"
    answer = httpx.post(f"{url}{PURGE}", json={"before": "7d"}, headers={**OURS, "Cookie": f"{name}={value}".encode()})
    assert answer.status_code == 401


def test_the_session_of_an_earlier_process(opened):
    port = opened.base_url.port
    earlier = httpx.Cookies()
    earlier.set(f"venom-otel-{port}", "x" * len(next(iter(opened.cookies.jar)).value))
    with httpx.Client(base_url=opened.base_url, cookies=earlier) as client:
        assert write(client, OURS).status_code == 401
        client.cookies.clear()
        client.get("/lite")  # as the page does then
        assert write(client, OURS).status_code == 200


def test_a_wrong_token_is_wrong_on_our_page_too(opened):
    answer = write(opened, {**OURS, "Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert "not the right token" in answer.json()["detail"]


def test_the_token_does_without(url):
    assert httpx.post(f"{url}{PURGE}", json={"before": "7d"}, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_who_it_was_is_known():
    session = PageSession()
    app = FastAPI()
    router = APIRouter(dependencies=[Depends(TokenRequired(TOKEN, session))], responses=problems.responses(HTTPStatus.UNAUTHORIZED))

    @router.post(f"{PREFIX}/who")
    def who(by: By) -> str:
        return by

    @app.get("/lite")
    def lite(request: Request, response: Response) -> None:
        session.give(request, response)

    app.include_router(router)
    with served(app) as address, httpx.Client(base_url=address) as client:
        client.get("/lite")
        assert client.post(f"{PREFIX}/who", headers=OURS).json() == "page"
        assert client.post(f"{PREFIX}/who", headers=OURS | {"Authorization": f"Bearer {TOKEN}"}).json() == "token"
