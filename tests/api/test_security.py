"""Pages of other origins and names made to point here get nothing, over HTTP and over a WebSocket."""

import pytest
import websockets.exceptions
from fastapi import FastAPI, WebSocket
from support.patience import WAIT_S
from support.served import served
from websockets.sync.client import connect

from venom_otel.api import create_app
from venom_otel.services.history import History
from venom_otel.services.offered import Services
from venom_otel.settings import CockpitSettings
from venom_otel.store.embedded import EmbeddedStore

REFUSED = [
    {"Host": "evil.example"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
]
LET_THROUGH = [{}, {"Origin": "{own}"}, {"Host": "cockpit.lan"}, {"Host": "cockpit.lan:80", "Origin": "https://cockpit.lan"}]


@pytest.mark.parametrize("headers", REFUSED, ids=str)
def test_http_is_refused_in_words(api, headers):
    for path in ("/api/v1/health", "/openapi.json", "/nothing"):
        answer = api.client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
        assert "VENOM_OTEL_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize("headers", LET_THROUGH, ids=str)
def test_http_of_our_own_pages_and_of_programs(api, headers):
    answer = api.client.get("/api/v1/health", headers={name: value.format(own=api.url) for name, value in headers.items()})
    assert answer.status_code == 200


@pytest.fixture
def socket_url(tmp_path):
    """A WebSocket mounted below the API, as the page's is."""
    page = FastAPI()

    @page.websocket("/socket")
    async def echo(socket: WebSocket):
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store:
        app = create_app(Services(history=History(store)), CockpitSettings(allowed_hosts="cockpit.lan"))
        app.mount("/", page)
        with served(app) as url:
            yield url.replace("http", "ws") + "/socket"


def test_a_websocket_of_our_own_page_and_of_a_program(socket_url):
    for origin in (None, socket_url.replace("ws", "http").removesuffix("/socket"), "https://cockpit.lan"):
        with connect(socket_url, origin=origin, proxy=None, open_timeout=WAIT_S) as connection:
            assert connection.recv(WAIT_S) == "hello"


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:3000", "null"])
def test_a_websocket_of_another_page_is_refused(socket_url, origin):
    with pytest.raises(websockets.exceptions.InvalidStatus, match="403"):
        connect(socket_url, origin=origin, proxy=None, open_timeout=WAIT_S)
