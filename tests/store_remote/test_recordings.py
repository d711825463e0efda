"""What a real Tempo 3.0.3 said, read as the embedded store reads the same traces; and the Tempo of these tests, held against it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.replay import Page, ReplayServer
from support.tempo_server import TempoServer, TraceQLError
from support.tempo_traces import REQUESTS, traces

from venom_otel.errors import StoreError
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import RequestFilter, Signal
from venom_otel.store.tempo import TempoStore
from venom_otel.store.tempo.replies import found_traces

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDINGS = Path(__file__).parents[1] / "recordings" / "tempo"


def recorded(name: str) -> tuple[str, Page]:
    """The target of a recorded request, and the reply."""
    asked, _, reply = (RECORDINGS / f"{name}.http").read_bytes().partition(b"\n")
    head, _, body = reply.replace(b"\r\n", b"\n").partition(b"\n\n")
    status, *headers = head.decode().split("\n")
    pairs = [header.partition(": ") for header in headers]
    return asked.decode().split()[2], Page(status.partition(" ")[2], tuple((key, value) for key, _, value in pairs), body)


def searched(name: str) -> tuple[dict[str, str], dict[str, Any]]:
    """The parameters of a recorded search, and the body of the reply."""
    target, page = recorded(name)
    return {key: values[0] for key, values in parse_qs(urlsplit(target).query).items()}, json.loads(page.body)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """The traces of the recordings, at their recorded times."""
    with EmbeddedStore(tmp_path_factory.mktemp("recorded") / "telemetry.db", min_free_bytes=0) as store:
        store.write(Signal.TRACES, traces().SerializeToString()).result()
        yield store


@pytest.mark.parametrize("name", ["trace_v2", "trace_v2_fallback"])
async def test_a_recorded_trace_is_what_the_embedded_store_has_of_it(name: str, stored: EmbeddedStore) -> None:
    target, page = recorded(name)
    trace_id = target.rsplit("/", 1)[1]
    with ReplayServer({target: page}) as server:
        remote = TempoStore(server.url, days=1)
        try:
            spans = await remote.trace(trace_id)
            summaries = [await remote.request(trace_id, span.span_id) for span in spans]
        finally:
            remote.close()
    assert spans
    assert list(spans) == list(await stored.trace(trace_id))
    expected = [await stored.request(trace_id, span.span_id) for span in spans]
    assert any(expected)
    assert [_uncounted(one) for one in summaries] == [_uncounted(one) for one in expected]


async def test_a_trace_that_tempo_does_not_know_is_empty() -> None:
    target, page = recorded("trace_v2_unknown")
    with ReplayServer({target: page}) as server:
        remote = TempoStore(server.url, days=1)
        try:
            assert list(await remote.trace(target.rsplit("/", 1)[1])) == []
        finally:
            remote.close()


async def test_what_tempo_says_to_an_id_that_is_none_is_said() -> None:
    target, page = recorded("trace_v2_bad_id")
    with ReplayServer({target: page}) as server:
        remote = TempoStore(server.url, days=1)
        try:
            with pytest.raises(StoreError, match="400 Bad Request: trace IDs can only contain hex characters"):
                await remote.trace(target.rsplit("/", 1)[1])
        finally:
            remote.close()


async def test_a_recorded_search_finds_what_the_embedded_store_has(stored: EmbeddedStore) -> None:
    _, body = searched("search_select")
    asked = ("llm.provider", "llm.model", "llm.endpoint", "error.type", "gen_ai.usage.output_tokens", "gen_ai.response.time_to_first_chunk")
    found = [span for trace in found_traces(body) for span in trace.spans]
    assert len(found) == 69
    for span in found:
        whole = next(one for one in await stored.trace(span.trace_id) if one.span_id == span.span_id)
        assert (span.start_ns, span.start_ns + span.duration_ns) == (whole.start_ns, whole.end_ns)
        assert {name: span.attributes.get(name) for name in asked} == {name: whole.attributes.get(name) for name in asked}


async def test_a_recorded_list_of_requests_is_the_embedded_stores(tmp_path: Path) -> None:
    """The answer to the very question that lists ask; what went wrong in words came with it."""
    _, body = searched("search_requests")
    found = [span.summary() for trace in found_traces(body) for span in trace.spans]
    with EmbeddedStore(tmp_path / "telemetry.db", min_free_bytes=0) as store:
        store.write(Signal.TRACES, traces(_begin_ns(body)).SerializeToString()).result()
        expected = await store.requests(RequestFilter(), 100)
    assert len(found) == REQUESTS
    assert {one.span_id: _uncounted(one) for one in found if one is not None} == {one.span_id: _uncounted(one) for one in expected}
    assert all(trace.certain for trace in found_traces(body))


@pytest.mark.parametrize("name", ["search_all", "search_errors", "search_empty", "search_select", "search_requests"])
def test_the_tempo_of_these_tests_answers_as_the_recorded_one(name: str) -> None:
    params, body = searched(name)
    server = TempoServer(traces(_begin_ns(body)) if name == "search_requests" else traces())
    try:
        ours = {trace["traceID"]: trace for trace in _plain(server.search(params | {"limit": "1000"}))}
        limited = server.search(params)["traces"]
    finally:
        server.server_close()
    theirs = _plain(body)
    assert [ours[trace["traceID"]] for trace in theirs] == theirs
    assert len(limited) == len(theirs)


def test_the_tempo_of_these_tests_refuses_what_the_recorded_one_refuses() -> None:
    target, page = recorded("search_bad_query")
    server = TempoServer(traces())
    try:
        with pytest.raises(TraceQLError, match="unexpected }"):
            server.search({key: values[0] for key, values in parse_qs(urlsplit(target).query).items()})
    finally:
        server.server_close()
    assert page.code == 400
    assert b"unexpected }" in page.body


def _uncounted(one: Any) -> Any:
    """Without its place in its store's order."""
    return None if one is None else replace(one, sequence=0)


def _begin_ns(body: dict[str, Any]) -> int:
    """When the first of the traces in a reply began."""
    return min(int(trace["startTimeUnixNano"]) for trace in body["traces"])


def _plain(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Traces without statistics, attributes by name: their order is any."""
    found = []
    for trace in body["traces"]:
        kept = {name: value for name, value in trace.items() if name != "serviceStats"}
        for one in (kept["spanSet"], *kept["spanSets"]):
            for span in one["spans"]:
                span["attributes"] = sorted(span.get("attributes", ()), key=lambda pair: pair["key"])
        if kept["spanSet"] in kept["spanSets"]:
            kept["spanSet"] = None  # any of them
        kept["spanSets"] = sorted(kept["spanSets"], key=lambda one: one["spans"][0]["spanID"])
        found.append(kept)
    return found
