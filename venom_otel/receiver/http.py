"""OTLP over HTTP: `/v1/traces`, `/v1/metrics` and `/v1/logs` (https://opentelemetry.io/docs/specs/otlp/#otlphttp).

The receiver answers only when the request is stored. It does not trace itself, and it logs no request's content.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from google.rpc import code_pb2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from venom_otel.receiver import body
from venom_otel.receiver.encoding import Encoding, accepted, from_json, refused
from venom_otel.receiver.service import TooLargeError, refusal
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from venom_otel.receiver.hosts import AllowedHosts
    from venom_otel.receiver.service import IngestService

PATHS: Final = {signal: f"/v1/{signal}" for signal in Signal}

_HTTP_STATUS: Final[dict[int, HTTPStatus]] = {
    code_pb2.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    code_pb2.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    code_pb2.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_WORTH_A_THREAD: Final = 128 * 1024
"""Bytes; less is unpacked sooner than a thread is woken, and more would keep other requests waiting."""


def create_receiver(service: IngestService, hosts: AllowedHosts) -> Starlette:
    """An ASGI application that takes OTLP requests for `service`, to be served on the OTLP port; `hosts` says which pages may send any."""
    routes = [Route(path, _endpoint(service, hosts, signal), methods=["POST"]) for signal, path in PATHS.items()]
    return Starlette(routes=routes, exception_handlers={HTTPException: _not_here})


def _endpoint(service: IngestService, hosts: AllowedHosts, signal: Signal) -> Callable[[Request], Awaitable[Response]]:
    async def export(request: Request) -> Response:
        encoding = _encoding(request)
        origin = request.headers.get("origin")
        if origin is not None and not hosts.allows_origin(origin, request.headers.get("host")):
            words = "a web page of another origin may not send telemetry here; VENOM_OTEL_ALLOWED_HOSTS names those that may"
            return _refuse(HTTPStatus.FORBIDDEN, code_pb2.PERMISSION_DENIED, words, encoding)
        if encoding is None:
            words = (
                f"send {Encoding.PROTOBUF} or {Encoding.JSON}, not {request.headers.get('content-type') or 'a body without Content-Type'}"
            )
            return _refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, code_pb2.INVALID_ARGUMENT, words, encoding)
        packed = request.headers.get("content-encoding", "").strip().lower()
        if packed not in ("", "identity", *body.WINDOW_BITS):
            words = f"the body's Content-Encoding may be {', '.join(body.WINDOW_BITS)} or identity, not {packed}"
            answer = _refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, code_pb2.INVALID_ARGUMENT, words, encoding)
            answer.headers["Accept-Encoding"] = ", ".join(body.WINDOW_BITS)
            return answer
        return await _take(service, signal, request, encoding, packed)

    return export


async def _take(service: IngestService, signal: Signal, request: Request, encoding: Encoding, packed: str) -> Response:
    limit = service.max_body_bytes
    try:
        with service.flight() as flight:
            raw = await body.read(request.stream(), flight, limit)

            def to_protobuf() -> bytes:
                unpacked = body.unpack(raw, packed, flight, limit) if packed in body.WINDOW_BITS else raw
                return from_json(signal, unpacked) if encoding is Encoding.JSON else unpacked

            small = len(raw) < _WORTH_A_THREAD
            written = await service.accept(signal, to_protobuf() if small else await asyncio.to_thread(to_protobuf))
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is left to read it
    except TooLargeError as error:
        return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code_pb2.INVALID_ARGUMENT, str(error), encoding)
    except Exception as error:
        code, words, retry_after_s = refusal(error)
        answer = _refuse(_HTTP_STATUS[code], code, words, encoding)
        if retry_after_s is not None:
            answer.headers["Retry-After"] = str(retry_after_s)
        return answer
    return Response(accepted(signal, written, encoding), media_type=encoding)


def _encoding(request: Request) -> Encoding | None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return next((encoding for encoding in Encoding if encoding == media_type), None)


def _refuse(status: HTTPStatus, code: int, words: str, encoding: Encoding | None) -> Response:
    encoding = encoding or Encoding.PROTOBUF
    return Response(refused(code, words, encoding), status_code=status, media_type=encoding)


async def _not_here(request: Request, error: Exception) -> Response:
    """404 and 405."""
    assert isinstance(error, HTTPException)
    code = code_pb2.NOT_FOUND if error.status_code == HTTPStatus.NOT_FOUND else code_pb2.UNIMPLEMENTED
    words = f"this is venom-otel's OTLP receiver; it takes POST requests on {', '.join(PATHS.values())}"
    answer = _refuse(HTTPStatus(error.status_code), code, words, _encoding(request))
    answer.headers.update(error.headers or {})
    return answer
