"""The API on a real socket, over a store of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
from support.otlp import traces
from support.patience import WAIT_S
from support.served import served
from support.unhurried import unhurried  # noqa: F401 - a fixture

from venom_otel.api import create_app
from venom_otel.services.history import History
from venom_otel.services.offered import Services
from venom_otel.settings import CockpitSettings
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any


@dataclass(frozen=True)
class Api:
    """A running API."""

    url: str
    store: EmbeddedStore
    client: httpx.Client

    def get(self, path: str, **query: Any) -> httpx.Response:
        """Ask below `/api/v1`."""
        return self.client.get(f"/api/v1{path}", params=query)

    def listed(self, **query: Any) -> dict[str, Any]:
        """A page of the list."""
        answer = self.get("/history/requests", **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, *spans: Any, service: str = "chat-api") -> None:
        """Store spans."""
        self.store.write(Signal.TRACES, traces(*spans, service=service)).result(WAIT_S)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """An API over an empty store; it may be opened as `cockpit.lan`, too."""
    settings = CockpitSettings(allowed_hosts="cockpit.lan")
    with (
        EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store,
        served(create_app(Services(history=History(store)), settings)) as url,
        httpx.Client(base_url=url, timeout=WAIT_S, verify=False) as client,
    ):
        yield Api(url, store, client)
