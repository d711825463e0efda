"""One GET to a server that is looked at: no redirects, no cookies, no retries, and of its reply no more than was asked for."""

from __future__ import annotations

import contextlib
import functools
import ssl
import urllib.request
from typing import TYPE_CHECKING, Final, cast

import httpx

from venom_otel.identity.fingerprints import Reply

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from venom_otel.identity.model import Endpoint

MAX_BODY_BYTES: Final = 512 * 1024
"""More than any runtime says of itself; of what is longer the beginning is read."""


def transport(endpoint: Endpoint) -> httpx.AsyncHTTPTransport:
    """The way to an endpoint, by the proxy variables and certificate authorities that hold for the application, too.

    The transport itself, not a client: no redirects, no cookies, and no INFO record of httpx's for each request.

    Raises:
        ImportError: the proxy variable names a kind for which a package is missing.
        ValueError: the proxy variable cannot be used.
    """
    return httpx.AsyncHTTPTransport(verify=_tls() if endpoint.scheme == "https" else _no_tls(), proxy=proxy(endpoint))


def proxy(endpoint: Endpoint) -> str | None:
    """The proxy that the environment puts before an endpoint; may hold a password."""
    host = endpoint.host if ":" not in endpoint.host else f"[{endpoint.host}]"
    proxies = {} if urllib.request.proxy_bypass(host) else urllib.request.getproxies()
    found = proxies.get(endpoint.scheme) or proxies.get("all")
    return f"http://{found}" if found is not None and "://" not in found else found


async def get(
    way: httpx.AsyncHTTPTransport,
    url: str,
    credentials: Mapping[str, str],
    *,
    max_bytes: int = MAX_BODY_BYTES,
    trace: Callable[[str, object], Awaitable[None]] | None = None,
) -> Reply:
    """Ask one question. There is no limit of time here: the caller has one for everything.

    `trace` hears of each step, as httpcore's `trace` extension has it: https://www.encode.io/httpcore/extensions/#trace.

    Raises:
        httpx.HTTPError: no reply, or none that is HTTP.
        httpx.InvalidURL, OSError, ValueError: credentials or an address that cannot be sent, or a failure below httpx.
    """
    request = httpx.Request(
        "GET",
        url,
        headers={**credentials, "accept": "application/json, */*", "accept-encoding": "identity", "user-agent": "venom-otel"},
        extensions={"timeout": httpx.Timeout(None).as_dict(), **({"trace": trace} if trace is not None else {})},
    )
    response = await way.handle_async_request(request)
    try:
        body = await _beginning(response, max_bytes)
    finally:
        await response.aclose()
    return Reply(response.status_code, tuple(response.headers.raw), body)


async def _beginning(response: httpx.Response, max_bytes: int) -> bytes:
    body = bytearray()
    async with contextlib.aclosing(cast("AsyncGenerator[bytes, None]", response.aiter_raw())) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) >= max_bytes:
                break
    return bytes(body[:max_bytes])


@functools.lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


@functools.lru_cache(maxsize=1)
def _no_tls() -> ssl.SSLContext:
    """For plain HTTP: loading the certificate authorities takes tens of milliseconds. It trusts nobody, should it be used after all."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
