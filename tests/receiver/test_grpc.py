"""What the receiver answers over gRPC: the code, the words and when trying again helps."""

import asyncio
import contextlib
import socket
import sqlite3

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from support.cockpit import wait_for
from support.otlp import chat, logs, metrics, request_id, span, traces
from support.patience import WAIT_S

from venom_otel.errors import SettingsError
from venom_otel.receiver import start_grpc
from venom_otel.receiver.grpc import SERVICES
from venom_otel.settings import CockpitSettings
from venom_otel.store.protocol import RequestFilter, Signal

LIMIT = 200_000


@pytest.fixture
def settings():
    return CockpitSettings(min_free_bytes=0, max_body_bytes=LIMIT, max_queue_bytes=2 * LIMIT)


async def listed(receiver):
    return [item.request_id for item in await receiver.store.requests(RequestFilter(), 500)]


@contextlib.contextmanager
def refused(code):
    """The call is refused; gives its status, as `grpc-status-details-bin` has it, filled when the context is left."""
    status = Status()
    with pytest.raises(grpc.RpcError) as caught:
        yield status
    error = caught.value
    assert (error.code(), bool(error.details())) == (code, True)
    (details,) = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
    status.ParseFromString(details)
    assert (status.code, status.message) == (code.value[0], error.details())


def retry_after_s(status):
    """When to try again, or None."""
    if not status.details:
        return None
    (detail,) = status.details
    info = RetryInfo()
    assert detail.Unpack(info)
    return info.retry_delay.ToSeconds()


def test_the_services_are_those_of_the_protocol():
    for signal, message in ((Signal.TRACES, ExportTraceServiceResponse), (Signal.METRICS, ExportMetricsServiceResponse)):
        names = [service.full_name for service in message.DESCRIPTOR.file.services_by_name.values()]
        assert [SERVICES[signal]] == names


@pytest.mark.parametrize(
    ("signal", "body"),
    [(Signal.TRACES, traces(span())), (Signal.METRICS, metrics(1, 2)), (Signal.LOGS, logs(1)), (Signal.TRACES, b"")],
)
@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_what_is_stored_is_answered_with_an_empty_success(rpc, signal, body, compression):
    assert rpc.export(body, signal, compression) == b""


async def test_both_protocols_fill_one_store(receiver, rpc):
    by_grpc, by_http = chat(), chat()
    rpc.export(traces(by_grpc))
    assert receiver.post(traces(by_http)).status_code == 200
    assert await listed(receiver) == [request_id(by_http), request_id(by_grpc)]


async def test_partial_success_says_how_many_and_why(receiver, rpc):
    good = chat()
    partial = ExportTraceServiceResponse.FromString(rpc.export(traces(good, chat(trace_id=b"short")))).partial_success
    assert partial.rejected_spans == 1
    assert "16 bytes" in partial.error_message
    assert await listed(receiver) == [request_id(good)]


@pytest.mark.parametrize("body", [b"\x0a\xff\xff", traces(chat())[:-5], b"\xff" * 100])
def test_what_is_no_protobuf_is_not_to_be_sent_again(rpc, body):
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as status:
        rpc.export(body)
    assert "no OTLP traces request" in status.message
    assert retry_after_s(status) is None


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
async def test_more_than_the_limit_is_not_to_be_sent_again(receiver, rpc, compression):
    within, beyond = (chat(more={"x": "y" * size}) for size in (LIMIT - 1_000, LIMIT))
    rpc.export(traces(within), compression=compression)
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as status:
        rpc.export(traces(beyond), compression=compression)
    assert f"larger than {LIMIT} bytes" in status.message
    assert "VENOM_OTEL_MAX_BODY_BYTES" in status.message
    assert retry_after_s(status) is None
    assert await listed(receiver) == [request_id(within)]


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_far_more_than_the_limit_is_refused_by_grpc_itself_and_the_receiver_goes_on(receiver, rpc, compression):
    for _ in range(3):
        with pytest.raises(grpc.RpcError) as caught:
            rpc.export(bytes(50_000_000), compression=compression)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # without RetryInfo, so that exporters drop it
        assert "larger than max" in caught.value.details()
    sent = chat()
    rpc.export(traces(sent))
    assert await listed(receiver) == [request_id(sent)]


@pytest.mark.parametrize(
    "method",
    [
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        "/",
    ],
)
def test_unknown_methods(rpc, method):
    with pytest.raises(grpc.RpcError) as caught:
        rpc.channel.unary_unary(method)(traces(chat()), timeout=WAIT_S)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@contextlib.contextmanager
def held_up(receiver, tmp_path):
    """Another writer keeps the store waiting."""
    receiver.store._writer._connection.execute(f"PRAGMA busy_timeout = {round(WAIT_S * 1_000)}")
    with contextlib.closing(sqlite3.connect(tmp_path / "t.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def large():
    """A request of which the settings let two in at once."""
    return traces(chat(more={"x": "y" * (LIMIT - 1_000)}))


def wait_for_flight(receiver, condition):
    wait_for(lambda: condition(receiver.service._flight_bytes), "what the receiver holds")


async def test_too_much_at_once_is_to_be_sent_again_soon(receiver, rpc, tmp_path):
    with held_up(receiver, tmp_path):
        calls = [rpc.method().future(large(), timeout=WAIT_S) for _ in range(2)]
        wait_for_flight(receiver, lambda size: size > LIMIT)
        with refused(grpc.StatusCode.UNAVAILABLE) as status:
            rpc.export(large())
        assert "try again" in status.message
        assert retry_after_s(status) == 1
    assert [call.result() for call in calls] == [b"", b""]
    assert len(await listed(receiver)) == 2


async def test_cancelled_calls_make_room(receiver, rpc, tmp_path):
    with held_up(receiver, tmp_path):
        calls = [rpc.method().future(large(), timeout=WAIT_S) for _ in range(2)]
        wait_for_flight(receiver, lambda size: size > LIMIT)
        for call in calls:
            call.cancel()
        wait_for_flight(receiver, lambda size: size == 0)
    sent = chat()
    rpc.export(traces(sent))
    assert request_id(sent) in await listed(receiver)


@pytest.mark.parametrize("connections", [1, 10])
async def test_many_calls_at_once(receiver, rpc, connections):
    sent = [chat() for _ in range(300)]
    own = [("grpc.use_local_subchannel_pool", 1)]
    async with contextlib.AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(grpc.aio.insecure_channel(rpc.address, options=own)) for _ in range(connections)]
        calls = [
            channels[number % connections].unary_unary(f"/{SERVICES[Signal.TRACES]}/Export")(traces(one), timeout=WAIT_S)
            for number, one in enumerate(sent)
        ]
        assert set(await asyncio.gather(*calls)) == {b""}
    assert set(await listed(receiver)) == {request_id(one) for one in sent}


async def test_a_port_that_was_taken_meanwhile(receiver):
    with socket.socket() as reserved, socket.socket() as taken:
        for sock in (reserved, taken):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        if hasattr(socket, "SO_REUSEPORT"):  # as another gRPC server would share it
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(reserved.getsockname())
        taken.listen()
        with pytest.raises(SettingsError, match=r"VENOM_OTEL_OTLP_GRPC_PORT"):
            await start_grpc(receiver.service, reserved)


def test_nobody_shares_the_port(rpc):
    host, _, port = rpc.address.partition(":")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind((host, int(port)))
