"""The whole road: an application, a model server, and the cockpit, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from support.cockpit import Cockpit, environment

APPLICATION = Path(__file__).with_name("application.py")
ARRIVES_S = 20
SERVICE = "chat-api"


class Application:
    """`application.py` as a process that sends its telemetry to a cockpit."""

    def __init__(self, command: list[str], home: Path, otlp: str) -> None:
        variables = environment(home, OTEL_EXPORTER_OTLP_ENDPOINT=otlp, OTEL_SERVICE_NAME=SERVICE)
        self._process = subprocess.Popen(command, env=variables, cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self._process.communicate(timeout=30)
        finally:
            self._process.kill()
            self._process.wait()

    def ask(self, connector: str, url: str, model: str, *, stream: bool) -> dict[str, str]:
        """Send one request to a model; the text of the answer, or the class of the exception."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"connector": connector, "url": url, "model": model, "stream": stream}), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


class Road:
    """An application, and what the cockpit's API says of its requests."""

    def __init__(self, application: Application, cockpit: Cockpit) -> None:
        self._application = application
        self._api = f"{cockpit.page}/api/v1/history/requests"

    def send(self, connector: str, url: str, model: str, *, stream: bool) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        """Send one request; the application's answer, the request in the history, and its span with those below it."""
        before = self._get(self._api, limit=1)["newer"]
        answer = self._application.ask(connector, url, model, stream=stream)
        (request,) = self._get(self._api, after=before, wait=ARRIVES_S)["items"]
        (span,) = self._get(f"{self._api}/{request['request_id']}")["steps"]
        return answer, request, span

    def _get(self, url: str, **query: Any) -> dict[str, Any]:
        return httpx.get(url, params=query, timeout=ARRIVES_S + 10).raise_for_status().json()


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory):
    """`venom-otel up`."""
    with Cockpit(tmp_path_factory.mktemp("cockpit")) as running:
        yield running


@pytest.fixture(scope="module")
def road(cockpit, tmp_path_factory):
    """An application with the two lines."""
    with Application([sys.executable, str(APPLICATION)], tmp_path_factory.mktemp("app"), cockpit.otlp) as application:
        yield Road(application, cockpit)


@pytest.fixture(scope="module")
def bare_road(cockpit, tmp_path_factory):
    """The application without them, started by OpenTelemetry's own command."""
    command = [str(Path(sys.executable).with_name("opentelemetry-instrument")), sys.executable, str(APPLICATION), "--bare"]
    with Application(command, tmp_path_factory.mktemp("bare"), cockpit.otlp) as application:
        yield Road(application, cockpit)
