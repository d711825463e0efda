"""A receiver on real sockets, over a store of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest
from support.patience import WAIT_S
from support.served import served, served_grpc

from venom_otel.receiver import AllowedHosts, IngestService, create_receiver
from venom_otel.receiver.grpc import SERVICES
from venom_otel.settings import CockpitSettings
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROTOBUF = {"Content-Type": "application/x-protobuf"}


@dataclass(frozen=True)
class Receiver:
    """A running receiver, over HTTP."""

    url: str
    store: EmbeddedStore
    service: IngestService
    client: httpx.Client

    def post(self, content: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        """Send a body as protobuf unless the headers say otherwise (`_` stands for `-`)."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=content, headers=PROTOBUF | given)


@dataclass(frozen=True)
class Rpc:
    """The same receiver over gRPC."""

    address: str
    channel: grpc.Channel

    def export(self, request: bytes, signal: Signal = Signal.TRACES, compression: grpc.Compression | None = None) -> bytes:
        """Send a request; the answer's bytes. Raises grpc.RpcError."""
        return self.method(signal)(request, timeout=WAIT_S, compression=compression)

    def method(self, signal: Signal = Signal.TRACES) -> grpc.UnaryUnaryMultiCallable:
        """What sends a request of bytes."""
        return self.channel.unary_unary(f"/{SERVICES[signal]}/Export")


@pytest.fixture
def settings() -> CockpitSettings:
    """The settings of `receiver`; a test module may override this."""
    return CockpitSettings(min_free_bytes=0)


@pytest.fixture
def receiver(tmp_path: Path, settings: CockpitSettings) -> Iterator[Receiver]:
    """A receiver with an empty store."""
    with EmbeddedStore.from_settings(tmp_path / "t.db", settings) as store:
        service = IngestService.from_settings(store, settings)
        with (
            served(create_receiver(service, AllowedHosts.from_settings(settings))) as url,
            httpx.Client(base_url=url, timeout=WAIT_S, verify=False) as client,
        ):
            yield Receiver(url, store, service, client)


@pytest.fixture
def rpc(receiver: Receiver) -> Iterator[Rpc]:
    """`receiver`, by gRPC."""
    with (
        served_grpc(receiver.service) as address,
        grpc.insecure_channel(address, options=[("grpc.max_send_message_length", -1)]) as channel,
    ):
        yield Rpc(address, channel)
