"""OTLP over gRPC: the `Export` methods of the traces, metrics and logs services (https://opentelemetry.io/docs/specs/otlp/#otlpgrpc).

The receiver answers only when the request is stored. It does not trace itself, and it logs no request's content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from venom_otel.errors import SettingsError
from venom_otel.receiver.body import too_large
from venom_otel.receiver.encoding import Encoding, accepted
from venom_otel.receiver.service import refusal
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from venom_otel.receiver.service import IngestService, Refusal

    Context = grpc.aio.ServicerContext[bytes, bytes]

SERVICES: Final = {
    Signal.TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    Signal.METRICS: "opentelemetry.proto.collector.metrics.v1.MetricsService",
    Signal.LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
}

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
_DETAILS: Final = "grpc-status-details-bin"
"""The trailer that carries a google.rpc.Status (https://grpc.io/docs/guides/error/#richer-error-model)."""
_INT_MAX: Final = 2**31 - 1


async def start_grpc(service: IngestService, reserved: socket.socket) -> grpc.aio.Server:
    """Take OTLP requests over gRPC in the running event loop until the server that comes back is stopped.

    Args:
        service: what takes the requests.
        reserved: a socket that is bound, but does not listen: gRPC opens its own at its address, and cannot take one over. It is closed.
            Where that is 0.0.0.0, gRPC listens on the addresses of IPv6 as well.

    Raises:
        SettingsError: the port was taken meanwhile.
    """
    options = [
        # By default several processes could listen on one port, and telemetry would go to any of them.
        ("grpc.so_reuseport", 0),
        # Unpacked, as it is here already. gRPC's own refusal names no setting: up to twice the limit the words are ours.
        ("grpc.max_receive_message_length", min(2 * service.max_body_bytes, _INT_MAX)),
        # No limit on calls at once: where a client is not yet told of one, calls beyond are reset, in no words of ours.
    ]
    server = grpc.aio.server(options=options)
    for signal, name in SERVICES.items():
        # Neither way a serializer: requests are stored as they come.
        export: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_export(service, signal))
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, {"Export": export})])
    host, port, *_ = reserved.getsockname()
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    reserved.close()
    try:
        server.add_insecure_port(address)
    except RuntimeError:
        words = f"port {port} on {host} was taken by another process meanwhile. Start again, or choose another VENOM_OTEL_OTLP_GRPC_PORT."
        raise SettingsError(words) from None
    await server.start()
    return server


def _export(service: IngestService, signal: Signal) -> Callable[[bytes, Context], Awaitable[bytes]]:
    async def export(request: bytes, context: Context) -> bytes:
        try:
            with service.flight() as flight:
                flight.admit(len(request))
                if len(request) > service.max_body_bytes:
                    raise too_large(service.max_body_bytes)
                written = await service.accept(signal, request)
        except Exception as error:
            await _refuse(context, refusal(error))
        return accepted(signal, written, Encoding.PROTOBUF)

    return export


async def _refuse(context: Context, refused: Refusal) -> NoReturn:
    status = Status(code=refused.code, message=refused.words)
    if refused.retry_after_s is not None:
        status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=refused.retry_after_s)))
    await context.abort(_CODES[refused.code], refused.words, ((_DETAILS, status.SerializeToString()),))
