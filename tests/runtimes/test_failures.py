"""Why a question was not answered: the cause in words, by what lies below the exception that the HTTP client raises."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import httpx
import pytest

from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.failures import explain, place, timed_out, unusable_proxy
from venom_otel.runtimes.model import Reason, State

GPU = parse("https://gpu:8000/v1")
KEY = "Zx9-planted.KEY~42"


def above(cause: BaseException, outer: BaseException | None = None) -> BaseException:
    """As httpx raises what a layer below it has raised."""
    outer = outer if outer is not None else httpx.ConnectError("All connection attempts failed")
    outer.__cause__ = cause
    return outer


def system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def tls(reason: str | None, words: str = "") -> ssl.SSLError:
    error = ssl.SSLError(1, words) if words else ssl.SSLError()
    error.reason = reason
    return error


@pytest.mark.parametrize("outer", [httpx.ConnectError("x"), httpx.ReadError("x"), ExceptionGroup("x", [ValueError("y")])])
@pytest.mark.parametrize(
    ("cause", "state", "reason", "words"),
    [
        (system(errno.ECONNREFUSED), State.STOPPED, Reason.REFUSED, "nobody listens at gpu:8000 (connection refused)"),
        (system(errno.ECONNRESET), State.UNREACHABLE, Reason.NETWORK, "gpu:8000 breaks the connection off (Connection reset by peer)"),
        (system(errno.EPIPE), State.UNREACHABLE, Reason.NETWORK, "gpu:8000 breaks the connection off (Broken pipe)"),
        (system(errno.EHOSTUNREACH), State.UNREACHABLE, Reason.NETWORK, "gpu:8000 cannot be reached: No route to host"),
        (
            socket.gaierror(-2, "Name or service not known"),
            State.UNREACHABLE,
            Reason.NAME,
            "the name gpu is not found (Name or service not known): is it spelled right, is the VPN or container network up?",
        ),
        (
            tls("WRONG_VERSION_NUMBER"),
            State.UNREACHABLE,
            Reason.TLS,
            "gpu:8000 does not speak TLS: if it is a plain HTTP server, write http://gpu:8000/v1",
        ),
        (
            tls("TLSV1_ALERT_PROTOCOL_VERSION"),
            State.UNREACHABLE,
            Reason.TLS,
            "no TLS connection to gpu:8000 (tlsv1 alert protocol version): if it is a plain HTTP server, write http://gpu:8000/v1",
        ),
        (
            tls(None, "EOF occurred"),
            State.UNREACHABLE,
            Reason.TLS,
            "no TLS connection to gpu:8000 (eof occurred): if it is a plain HTTP server, write http://gpu:8000/v1",
        ),
    ],
)
def test_the_cause_lies_below(outer, cause, state, reason, words):
    assert explain(above(cause, outer), GPU, None) == (state, reason, words)


def test_one_cause_of_several_attempts():
    group = OSError("several attempts")
    group.__context__ = ExceptionGroup("by each address", [system(errno.ECONNREFUSED), system(errno.ECONNREFUSED)])
    assert explain(above(group), GPU, None).reason is Reason.REFUSED


@pytest.mark.parametrize("words", ["illegal status line: bytearray(b'\\x15\\x03\\x01\\x00\\x02')", "illegal: \x15\x03"])
def test_an_alert_of_tls_in_place_of_an_answer(words):
    failure = explain(httpx.RemoteProtocolError(words), GPU, None)
    assert failure == (State.UNREACHABLE, Reason.PROTOCOL, "gpu:8000 speaks TLS: write https:// in its address")


@pytest.mark.parametrize("words", ["Server disconnected without sending a response.", "closed without response"])
def test_a_connection_that_is_closed_without_a_word(words):
    assert "closes it without an HTTP answer" in explain(httpx.RemoteProtocolError(words), GPU, None).words


def test_an_answer_that_is_none():
    words = explain(httpx.RemoteProtocolError(f"illegal header line: api_key={KEY}"), GPU, None).words
    assert words == "what gpu:8000 answers is no HTTP, or breaks off: illegal header line: api_key=***"


@pytest.mark.parametrize("error", [httpx.LocalProtocolError("Illegal header value"), UnicodeEncodeError("ascii", "ü", 0, 1, KEY)])
def test_a_key_that_cannot_be_sent_is_not_repeated(error):
    failure = explain(error, GPU, None)
    assert (failure.state, failure.reason) == (State.UNREACHABLE, Reason.KEY)
    assert KEY not in failure.words


def test_anything_else_is_told_by_its_innermost_words():
    assert explain(above(ValueError("this is it")), GPU, None) == (
        State.UNREACHABLE,
        Reason.NETWORK,
        "gpu:8000 cannot be reached: this is it",
    )
    assert explain(ValueError(), GPU, None).words == "gpu:8000 cannot be reached: ValueError"
    assert explain(OSError("without a number"), GPU, None).words == "gpu:8000 cannot be reached: without a number"


def test_exceptions_in_a_circle_end():
    first, second = httpx.ConnectError("first"), ValueError("second")
    first.__context__, second.__context__ = second, first
    assert explain(first, GPU, None).reason is Reason.NETWORK


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ProxyError("407"), httpx.UnsupportedProtocol("socks")])
def test_what_goes_wrong_with_a_proxy_in_between_is_the_proxy_s(error):
    failure = explain(error, GPU, f"http://user:{KEY}@proxy:3128")
    assert failure.reason is Reason.PROXY
    assert failure.words == f"the proxy http://***@proxy:3128, which the environment names for gpu:8000, cannot be used: {error}"
    assert explain(httpx.ReadError("gone"), GPU, "http://proxy:3128").reason is Reason.NETWORK


def test_words_of_the_others():
    assert "takes connections but does not answer within 0.5 s" in timed_out(GPU, 0.5, connected=True).words
    assert "does not answer within 5 s: the machine is off" in timed_out(GPU, 5.0, connected=False).words
    assert KEY not in unusable_proxy(ValueError(f"http://user:{KEY}@proxy")).words
    assert place(parse("http://[::1]:8000")) == "[::1]:8000"
    assert place(GPU) == "gpu:8000"
