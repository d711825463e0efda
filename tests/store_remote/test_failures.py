"""A Tempo that is down, refuses, hangs, never ends or is something else: each is said in words, in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from support.patience import WAIT_S
from support.replay import ANYTHING_ELSE, Page, ReplayServer, drips, floods, hangs, hangs_up
from support.tempo_server import TempoServer
from support.tempo_traces import traces

from venom_otel.errors import SettingsError, StoreError
from venom_otel.store import backend
from venom_otel.store.protocol import RequestFilter
from venom_otel.store.tempo import TempoStore

if TYPE_CHECKING:
    from support.chat_server import ClosedPort
    from support.replay import Behaviour

SOON_S = 0.5
REFUSED = Page("400 Bad Request", (("Content-Type", "text/plain"),), b"invalid TraceQL query: parse error at line 1")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (REFUSED, "answers 400 Bad Request: invalid TraceQL query: parse error"),
        (Page("503 Service Unavailable", body=b""), "answers 503 Service Unavailable"),
        (Page("401 Unauthorized", body=b"no org id"), "401 Unauthorized: no org id"),
        (Page("404 Not Found", body=b"404 page not found"), "404 Not Found: 404 page not found"),
        (Page(body=b"[" * 100_000), "no JSON object"),
        (Page(body=b"<html>"), "no JSON object: check that VENOM_OTEL_TEMPO_URL"),
        (Page(body=b"[]"), "no JSON object"),
        (Page(body=b'{"traces": [{"spanSet": {}}]}'), "unknown form"),
        (hangs, "does not answer in time"),
        (drips, "does not answer in time"),
        (hangs_up, "cannot be reached"),
    ],
)
async def test_a_failure_is_said(answer: Page | Behaviour, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if answer in (hangs, drips):
        monkeypatch.setattr(backend, "QUESTION_S", SOON_S)
    with ReplayServer({ANYTHING_ELSE: answer}) as server:
        store = TempoStore(server.url, days=1)
        begun = time.monotonic()
        try:
            with pytest.raises(StoreError, match=words):
                await store.requests(RequestFilter(), 10)
        finally:
            store.close()
        assert time.monotonic() - begun < WAIT_S


async def test_a_reply_without_end_is_not_read_to_its_end() -> None:
    with ReplayServer({ANYTHING_ELSE: floods}) as server:
        store = TempoStore(server.url, days=1)
        try:
            with pytest.raises(StoreError, match="answers more than 32 MiB at once"):
                await store.trace("0" * 31 + "1")
        finally:
            store.close()


async def test_a_trace_that_is_not_found_is_empty() -> None:
    """As Tempo's older API says it."""
    with ReplayServer({ANYTHING_ELSE: Page("404 Not Found")}) as server:
        store = TempoStore(server.url, days=1)
        try:
            assert list(await store.trace("0" * 31 + "1")) == []
            assert await store.request("0" * 31 + "1", "0" * 15 + "1") is None
        finally:
            store.close()


async def test_one_that_is_not_there_is_named_without_its_password(closed_port: ClosedPort) -> None:
    store = TempoStore(closed_port.url.replace("://", "://me:secret@"), days=1)
    try:
        with pytest.raises(StoreError, match="cannot be reached") as said:
            await store.trace("0" * 31 + "1")
    finally:
        store.close()
    assert closed_port.url in str(said.value)
    assert "secret" not in str(said.value)


@pytest.mark.parametrize("url", ["tempo:3200", "localhost", "ftp://tempo", "http://", "http://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="VENOM_OTEL_TEMPO_URL"):
        TempoStore(url, days=1)


async def test_a_closed_store_says_so() -> None:
    with TempoServer(traces()) as server:
        store = TempoStore(server.url, days=1)
        store.close()
        store.close()
        with pytest.raises(StoreError, match="not asked any more"):
            await store.trace("0" * 31 + "1")
