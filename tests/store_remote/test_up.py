"""`venom-otel up` beside a Tempo: the API, the command and the page reach what Tempo alone holds, and say when they cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from support.cockpit import Application, Cockpit, command
from support.patience import WAIT_S
from support.tempo_server import TempoServer
from support.tempo_traces import REQUESTS, traces

if TYPE_CHECKING:
    from pathlib import Path


def test_what_tempo_alone_holds_is_reached(tmp_path: Path, begin_ns: int) -> None:
    with TempoServer(traces(begin_ns)) as tempo, Cockpit(tmp_path, VENOM_OTEL_TEMPO_URL=tempo.url, VENOM_OTEL_TEMPO_DAYS="2") as cockpit:
        api = httpx.Client(base_url=f"{cockpit.page}/api/v1", timeout=WAIT_S, trust_env=False)
        with api:
            nothing_here = api.get("/history/requests", params={"limit": 5}).json()
            assert len(nothing_here["items"]) == 5
            assert nothing_here["newer"] == 0
            assert api.get("/health").json()["newest"] == 0
            with Application(cockpit.otlp) as application:
                application.requests(3)
            first = api.get("/history/requests", params={"limit": 3}).json()
            assert [item["cursor"] for item in first["items"]] == [3, 2, 1]
            older = api.get("/history/requests", params={"limit": 500, "before": first["older"]}).json()
            assert len(older["items"]) == REQUESTS
            assert (older["older"], older["missing"]) == (None, None)
            last = older["items"][-1]
            assert api.get(f"/history/requests/{last['request_id']}").json()["steps"]
            assert api.get(f"/history/traces/{last['request_id'].partition('-')[0]}").json()["steps"]
            fallbacks = api.get("/history/requests", params={"fallback": "true"}).json()
            assert fallbacks["missing"] is None
            tempo.stop()
            without = api.get("/history/requests").json()
            assert len(without["items"]) == 3
            assert f"Tempo at {tempo.url} cannot be reached" in without["missing"]
            assert api.get("/health").status_code == 200
        said = command("requests", "--url", cockpit.page, "--limit", "20", home=tmp_path)
        assert said.returncode == 0
        assert len(said.stdout.splitlines()) >= 3
        assert "cannot be reached" in said.stderr
