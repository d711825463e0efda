"""A receiver on a real socket, over a store of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
from support.served import served

from venom_otel.receiver import AllowedHosts, IngestService, create_receiver
from venom_otel.settings import CockpitSettings
from venom_otel.store.embedded import EmbeddedStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROTOBUF = {"Content-Type": "application/x-protobuf"}


@dataclass(frozen=True)
class Receiver:
    """A running receiver."""

    url: str
    store: EmbeddedStore
    client: httpx.Client

    def post(self, content: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        """Send a body as protobuf unless the headers say otherwise (`_` stands for `-`)."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=content, headers=PROTOBUF | given)


@pytest.fixture
def settings() -> CockpitSettings:
    """The settings of `receiver`; a test module may override this."""
    return CockpitSettings(min_free_bytes=0)


@pytest.fixture
def receiver(tmp_path: Path, settings: CockpitSettings) -> Iterator[Receiver]:
    """A receiver with an empty store."""
    with (
        EmbeddedStore(tmp_path / "t.db", min_free_bytes=settings.min_free_bytes, max_queue_bytes=settings.max_queue_bytes) as store,
        served(create_receiver(IngestService.from_settings(store, settings), AllowedHosts.from_settings(settings))) as url,
        httpx.Client(base_url=url, timeout=30, verify=False) as client,
    ):
        yield Receiver(url, store, client)
