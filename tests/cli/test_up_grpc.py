"""`venom-otel up` and OTLP over gRPC: in the same process, on a port of its own."""

import os
import re
import socket
import sys
import threading

import grpc
import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from support.cockpit import Cockpit, command
from support.otlp import chat, request_id, traces
from support.patience import WAIT_S

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture
def cockpit(tmp_path):
    with Cockpit(tmp_path) as running:
        yield running


def address(cockpit):
    return cockpit.otlp_grpc.removeprefix("http://")


def stored(cockpit):
    return {item["request_id"] for item in httpx.get(f"{cockpit.page}/api/v1/history/requests").json()["items"]}


def test_takes_what_an_exporter_sends_and_keeps_it(tmp_path):
    with Cockpit(tmp_path) as cockpit:
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=cockpit.otlp_grpc, insecure=True)))
        with provider.get_tracer("tests").start_as_current_span("chat", attributes={"llm.provider": "vllm", "llm.model": "a"}) as span:
            context = span.get_span_context()
        provider.shutdown()
        assert stored(cockpit) == {f"{context.trace_id:032x}-{context.span_id:016x}"}
        assert cockpit.stop()[::2] == (0, "")
    with Cockpit(tmp_path) as again:
        assert len(stored(again)) == 1


def test_serves_only_the_address_it_names(cockpit):
    assert cockpit.otlp_grpc.startswith("http://127.0.0.1:")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", cockpit.otlp_grpc_port), timeout=WAIT_S)


def test_ends_promptly_while_others_hold_on(cockpit):
    """Exporters keep their connections open, one sends a call that never ends, and somebody has only connected."""
    over = threading.Event()

    def endless():
        """No message, so that there is nothing to answer; a call is answered as soon as its first one is there."""
        over.wait(WAIT_S)
        yield traces(chat())

    with (
        grpc.insecure_channel(address(cockpit)) as idle,
        grpc.insecure_channel(address(cockpit)) as sending,
        socket.create_connection(("127.0.0.1", cockpit.otlp_grpc_port)),
    ):
        sent, later = chat(), chat()
        idle.unary_unary(EXPORT)(traces(sent), timeout=WAIT_S, wait_for_ready=True)
        grpc.channel_ready_future(sending).result(WAIT_S)
        call = sending.stream_unary(EXPORT).future(endless())
        sending.unary_unary(EXPORT)(traces(later), timeout=WAIT_S)  # over the same connection: what began before it has come before it
        assert not call.done()
        assert {request_id(sent), request_id(later)} <= stored(cockpit)
        status, _, words = cockpit.stop()  # within its deadline: those who hold on never let go by themselves
        assert isinstance(call.exception(WAIT_S), grpc.RpcError)
        over.set()
    assert (status, words) == (0, "")


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_in_use(tmp_path, shared):
    """Also where its holder would share it, as gRPC servers do by default."""
    with socket.socket() as taken:
        if shared:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = command("up", "--port", "0", "--otlp-port", "0", "--otlp-grpc-port", str(port), home=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    holder = rf" by [^()]+ \(pid {os.getpid()}\)" if sys.platform == "linux" else ""
    advice = r"Stop that, or choose another port with --otlp-grpc-port \(0 takes a free one\)\."
    assert re.fullmatch(rf"venom-otel: port {port} on 127\.0\.0\.1 is in use{holder}\. {advice}\n", ended.stderr)


def test_two_of_them_never_share_a_port(cockpit, tmp_path):
    ports = ("--port", "0", "--otlp-port", "0", "--otlp-grpc-port", str(cockpit.otlp_grpc_port))
    ended = command("up", *ports, "--data-dir", str(tmp_path / "other"), home=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"port {cockpit.otlp_grpc_port} on 127.0.0.1 is in use" in ended.stderr
    if sys.platform == "linux":
        assert f"(pid {cockpit.process.pid})" in ended.stderr


def test_a_restart_takes_the_same_port(tmp_path):
    """Though connections of the last run still linger there."""
    cockpit = Cockpit(tmp_path)
    with cockpit, grpc.insecure_channel(address(cockpit)) as channel:
        first = cockpit.otlp_grpc
        channel.unary_unary(EXPORT)(traces(chat()), timeout=WAIT_S)
        cockpit.stop()
        cockpit.start()
        assert cockpit.otlp_grpc == first
        channel.unary_unary(EXPORT)(traces(chat()), timeout=WAIT_S, wait_for_ready=True)
        assert len(stored(cockpit)) == 2


def test_it_can_be_left_out(tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        Cockpit(tmp_path, VENOM_OTEL_OTLP_GRPC="false", VENOM_OTEL_OTLP_GRPC_PORT=str(taken.getsockname()[1])) as cockpit,
    ):
        assert cockpit.otlp_grpc is None
        assert httpx.get(cockpit.page).status_code == 200
