"""Why a question was not answered, in words: from what httpx and the layers below it raise."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx

from venom_otel.identity.endpoint import redact
from venom_otel.runtimes.model import Reason, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.identity.model import Endpoint

_CHAIN: Final = 16
"""More links than any exception of httpx's has."""
_TLS_ALERT: Final = ("\\x15\\x03", "\x15\x03")
_RESETS: Final = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})


class Failure(NamedTuple):
    """No reply came."""

    state: State
    reason: Reason
    words: str


def explain(error: BaseException, endpoint: Endpoint, proxy: str | None) -> Failure:
    """Say in words what went wrong on the way to an endpoint.

    Args:
        error: what was raised.
        endpoint: who was asked.
        proxy: the proxy in between, if any; a connection that cannot be made is then one to the proxy.
    """
    where = place(endpoint)
    causes = tuple(_causes(error))
    if proxy is not None and isinstance(error, httpx.ConnectError | httpx.ProxyError | httpx.UnsupportedProtocol):
        words = f"the proxy {redact(proxy)}, which the environment names for {where}, cannot be used: {_own_words(error)}"
        return Failure(State.UNREACHABLE, Reason.PROXY, words)
    for cause in causes:
        if (found := _known(cause, endpoint, where)) is not None:
            return found
    if isinstance(error, httpx.RemoteProtocolError):
        return Failure(State.UNREACHABLE, Reason.PROTOCOL, _no_http(error, where))
    if isinstance(error, httpx.LocalProtocolError | UnicodeError):
        return Failure(State.UNREACHABLE, Reason.KEY, "the key cannot be sent: there are line ends or letters beyond ASCII in it")
    return Failure(State.UNREACHABLE, Reason.NETWORK, f"{where} cannot be reached: {_own_words(error)}")


def timed_out(endpoint: Endpoint, seconds: float, *, connected: bool) -> Failure:
    """Say that no reply came within the time for it."""
    where = place(endpoint)
    if connected:
        words = f"{where} takes connections but does not answer within {seconds:g} s: it hangs, or is far too busy"
    else:
        words = f"{where} does not answer within {seconds:g} s: the machine is off, a firewall drops what is sent, or the server hangs"
    return Failure(State.UNREACHABLE, Reason.TIMEOUT, words)


def unusable_proxy(error: Exception) -> Failure:
    """Say that there is no way, for the proxy variable names none that can be used."""
    return Failure(State.UNREACHABLE, Reason.PROXY, f"the proxy that the environment names cannot be used: {redact(str(error))}")


def place(endpoint: Endpoint) -> str:
    """Host and port, as one writes them."""
    return f"[{endpoint.host}]:{endpoint.port}" if ":" in endpoint.host else f"{endpoint.host}:{endpoint.port}"


def _known(cause: BaseException, endpoint: Endpoint, where: str) -> Failure | None:
    if isinstance(cause, ssl.SSLError):
        return Failure(State.UNREACHABLE, Reason.TLS, _tls(cause, endpoint, where))
    if isinstance(cause, socket.gaierror):
        words = (
            f"the name {endpoint.host} is not found ({cause.strerror or cause}): is it spelled right, is the VPN or container network up?"
        )
        return Failure(State.UNREACHABLE, Reason.NAME, words)
    if isinstance(cause, ConnectionRefusedError):
        return Failure(State.STOPPED, Reason.REFUSED, f"nobody listens at {where} (connection refused)")
    if isinstance(cause, OSError) and cause.errno in _RESETS:
        return Failure(State.UNREACHABLE, Reason.NETWORK, f"{where} breaks the connection off ({cause.strerror})")
    if isinstance(cause, OSError) and cause.errno is not None and cause.strerror:
        return Failure(State.UNREACHABLE, Reason.NETWORK, f"{where} cannot be reached: {cause.strerror}")
    return None


def _tls(cause: ssl.SSLError, endpoint: Endpoint, where: str) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = cause.verify_message or "it cannot be verified"
        return (
            f"the certificate of {where} is not trusted: {why}. If it is your own, name its authority in SSL_CERT_FILE, "
            "and ask by the name that it is made for"
        )
    plain = endpoint.url.replace("https:", "http:", 1)
    if cause.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}:
        return f"{where} does not speak TLS: if it is a plain HTTP server, write {plain}"
    why = (cause.reason or str(cause)).replace("_", " ").lower()
    return f"no TLS connection to {where} ({why}): if it is a plain HTTP server, write {plain}"


def _no_http(error: httpx.RemoteProtocolError, where: str) -> str:
    words = str(error)
    if any(mark in words for mark in _TLS_ALERT):
        return f"{where} speaks TLS: write https:// in its address"
    if "without sending a response" in words or "without response" in words:
        return f"{where} takes the connection and closes it without an HTTP answer: if it expects TLS, write https:// in its address"
    return f"what {where} answers is no HTTP, or breaks off: {_own_words(error)}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what lies below it, the nearest first; members of groups too."""
    waiting, seen = [error], 0
    while waiting and seen < _CHAIN:
        current = waiting.pop(0)
        seen += 1
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        below = current.__cause__ or current.__context__
        if below is not None:
            waiting.append(below)


def _own_words(error: BaseException) -> str:
    """What the innermost exception with a text says."""
    texts = [f"{cause.strerror}" if isinstance(cause, OSError) and cause.strerror else str(cause) for cause in _causes(error)]
    return redact(next((text for text in reversed(texts) if text), type(error).__name__))
