"""The whole road: an application, a model server, and the cockpit, each in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.cockpit import Cockpit, wait_for
from support.senders import KernelApplication

HELD_S = 20
"""That the API holds an answer back for what is to come; then it is asked again."""
SERVICE = "chat-api"


def sending_to(cockpit: Cockpit, folder: Path) -> KernelApplication:
    """An application with the two lines, whose home is `folder`."""
    return KernelApplication(folder, OTEL_EXPORTER_OTLP_ENDPOINT=cockpit.otlp, OTEL_SERVICE_NAME=SERVICE)


class Road:
    """An application, and what the cockpit's API says of its requests."""

    def __init__(self, application: KernelApplication, cockpit: Cockpit) -> None:
        self._application = application
        self._api = f"{cockpit.page}/api/v1/history/requests"

    def send(self, connector: str, url: str, model: str, *, stream: bool) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        """Send one request; the application's answer, the request in the history, and its span with those below it."""
        before = self._get(self._api, limit=1)["newer"]
        answer = self._application.ask(connector=connector, url=url, model=model, stream=stream)
        (request,) = wait_for(lambda: self._get(self._api, after=before, wait=HELD_S)["items"], "the request")
        (span,) = self._get(f"{self._api}/{request['request_id']}")["steps"]
        return answer, request, span

    def _get(self, url: str, **query: Any) -> dict[str, Any]:
        return httpx.get(url, params=query).raise_for_status().json()


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory):
    """`venom-otel up`."""
    with Cockpit(tmp_path_factory.mktemp("cockpit")) as running:
        yield running


@pytest.fixture(scope="module")
def road(cockpit, tmp_path_factory):
    """An application with the two lines."""
    folder = tmp_path_factory.mktemp("app")
    with sending_to(cockpit, folder) as application:
        yield Road(application, cockpit)


@pytest.fixture(scope="module")
def bare_road(cockpit, tmp_path_factory):
    """The application without them, started by OpenTelemetry's own command."""
    folder, command = tmp_path_factory.mktemp("bare"), Path(sys.executable).with_name("opentelemetry-instrument")
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": cockpit.otlp, "OTEL_SERVICE_NAME": SERVICE}
    with KernelApplication(folder, within=[command], options=["--bare"], **variables) as application:
        yield Road(application, cockpit)
