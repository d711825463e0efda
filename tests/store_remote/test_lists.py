"""Lists and searches out of Tempo: the same as the embedded store's over the same traces, page by page."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support import otlp
from support.tempo_server import TempoServer
from support.tempo_traces import REQUESTS

from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.embedded.matching import as_text
from venom_otel.store.protocol import RequestFilter, RequestStatus, Search, Signal
from venom_otel.store.tempo import TempoStore, traceql
from venom_otel.store.tempo import store as tempo_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from venom_otel.store.protocol import RequestSummary

ALL = RequestFilter()


def uncounted(found: Sequence[RequestSummary]) -> list[RequestSummary]:
    """Without their place in their store's order."""
    return [replace(one, sequence=0) for one in found]


@pytest.mark.parametrize(
    "which",
    [
        ALL,
        RequestFilter(provider="vllm"),
        RequestFilter(provider=("vllm", "openai")),
        RequestFilter(provider='no"body'),
        RequestFilter(model="phi3:mini", status=RequestStatus.COMPLETED),
        RequestFilter(endpoint="http://127.0.0.1:8001/v1"),
        RequestFilter(service="orders-assistant"),
        RequestFilter(service="another"),
        RequestFilter(status=RequestStatus.FAILED),
        RequestFilter(status=(RequestStatus.FAILED, RequestStatus.CANCELLED)),
        RequestFilter(status=RequestStatus.CANCELLED),
        RequestFilter(error_kind="model_not_found"),
        RequestFilter(fallback=True),
    ],
    ids=repr,
)
async def test_a_list_is_the_embedded_stores(which: RequestFilter, remote: TempoStore, embedded: EmbeddedStore) -> None:
    assert uncounted(await remote.requests(which, 100)) == uncounted(await embedded.requests(which, 100))


async def test_times_bound_a_list(remote: TempoStore, embedded: EmbeddedStore, begin_ns: int) -> None:
    which = RequestFilter(since_ns=begin_ns + 9 * 10**8, until_ns=begin_ns + 20 * 10**9)
    found = await remote.requests(which, 100)
    assert uncounted(found) == uncounted(await embedded.requests(which, 100))
    assert min(one.start_ns for one in found) == begin_ns + 9 * 10**8


@pytest.mark.parametrize("size", [1, 7, 68, 69, 70])
async def test_pages_neither_repeat_nor_leave_out(size: int, remote: TempoStore, embedded: EmbeddedStore) -> None:
    found: list[RequestSummary] = []
    which = ALL
    while page := await remote.requests(which, size):
        assert len(page) <= size
        found += page
        which = replace(which, before=page[-1].sequence)
    assert uncounted(found) == uncounted(await embedded.requests(ALL, 100))
    assert all(one.sequence < 0 for one in found)
    assert len({one.sequence for one in found}) == REQUESTS


async def test_a_window_with_too_many_traces_is_made_narrower(
    remote: TempoStore, embedded: EmbeddedStore, tempo: TempoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempo_store, "TRACES", 8)  # two seconds hold six that lie in or across them
    found = await remote.requests(ALL, 100)
    assert uncounted(found) == uncounted(await embedded.requests(ALL, 100))
    assert {params["limit"] for params in tempo.asked} == {"8"}


async def test_more_requests_within_a_second_than_can_be_read_are_said(remote: TempoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempo_store, "TRACES", 1)
    with pytest.raises(tempo_store.StoreError, match="more requests within a second"):
        await remote.requests(ALL, 100)


async def test_tempo_is_asked_seldom_where_there_is_little(remote: TempoStore, tempo: TempoServer) -> None:
    assert await remote.requests(RequestFilter(provider="nobody"), 50) == []
    windows = [(int(params["start"]), int(params["end"])) for params in tempo.asked]
    assert len(windows) <= 5
    assert all(end - begin <= 7 * 24 * 3_600 for begin, end in windows)
    assert all(earlier[1] >= later[0] for later, earlier in pairwise(windows))  # no second between them


@pytest.mark.parametrize(
    "query",
    [
        Search(text="enginedeaderror"),
        Search(text="chatcmpl-405"),
        Search(text="local"),
        Search(text="nothing of that kind"),
        Search(attributes={"http.response.status_code": "404"}),
        Search(attributes={"gen_ai.request.stream": "true", "llm.provider": "ollama"}),
        Search(attributes={"gen_ai.response.finish_reasons": '["stop"]', "gen_ai.request.temperature": "0.2"}),
        Search(text="phi3", attributes={"service.version": "1.4.0"}),
        Search(attributes={"no such": "attribute"}),
    ],
    ids=repr,
)
async def test_a_search_is_the_embedded_stores(query: Search, remote: TempoStore, embedded: EmbeddedStore) -> None:
    found = await remote.search(ALL, query, 100)
    assert uncounted(found.items) == uncounted((await embedded.search(ALL, query, 100)).items)
    assert found.reached is None


async def test_a_search_goes_on_where_it_stopped(remote: TempoStore, embedded: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempo_store, "LOOKED_AT", 10)
    query = Search(text="404 from")
    found: list[RequestSummary] = []
    calls, which = 0, ALL
    while which.before != 0:
        page = await remote.search(which, query, 3)
        found += page.items
        calls, which = calls + 1, replace(which, before=page.reached or 0)
    assert calls >= REQUESTS // 10
    assert uncounted(found) == uncounted((await embedded.search(ALL, query, 100)).items)


@pytest.mark.parametrize(
    "attributes",
    [
        {"kind": "batch"},
        {"status": "error", "statusMessage": "none of Tempo's own"},
        {"service.name": "another"},
        {'a "quoted" \\ name\nof two\tlines': "1"},
        {"started_at_ns": 1_795_344_829_348_904_562},
        {"least": -(2**63), "most": 2**63 - 1},
        {"small": 0.00012345678901234567, "large": 123456789012345.67},
        pytest.param({"no.number": "9" * 5_000}, id="long"),
    ],
    ids=str,
)
async def test_a_search_by_attributes_of_any_name_and_value_is_the_embedded_stores(attributes: dict[str, object], tmp_path: Path) -> None:
    """Those that Tempo gives back under the names of its own, or of the resource's, too."""
    start_ns = tempo_store.time.time_ns() - 60 * 10**9
    request = otlp.traces(
        otlp.span({"llm.provider": "vllm", "llm.model": "a"} | attributes, start_ns=start_ns, status=1),
        otlp.span({"llm.provider": "vllm", "llm.model": "b"}, start_ns=start_ns + 1_000_000),
    )
    wanted = Search(attributes={name: as_text(value) for name, value in attributes.items()})  # type: ignore[arg-type]
    with (
        EmbeddedStore(tmp_path / "telemetry.db", min_free_bytes=0) as here,
        TempoServer(ExportTraceServiceRequest.FromString(request)) as server,
    ):
        here.write(Signal.TRACES, request).result()
        there = TempoStore(server.url, days=1)
        try:
            found = await there.search(ALL, wanted, 10)
            assert uncounted(found.items) == uncounted((await here.search(ALL, wanted, 10)).items)
            assert [one.model for one in found.items] == ["a"]
        finally:
            there.close()


def test_a_query_of_any_length_is_read_to_its_end(tempo: TempoServer) -> None:
    """Tempo reads 1024 bytes at once, and loses those that it reads while it looks ahead."""
    for length in range(300):
        which = RequestFilter(model="é" * length, provider=('a "quoted" \\" one', "vllm"))
        assert tempo.search({"q": traceql.requests(which, {"no.name": "1", "a b": "17.5"})})["traces"] == []


async def test_a_trace_that_lies_in_several_blocks_is_listed_whole(tmp_path: Path) -> None:
    """Tempo cuts what lasts longer than half a minute, and gives of each set of spans that of one block alone."""
    trace_id, now = otlp.new_trace_id(), tempo_store.time.time_ns() - 600 * 10**9
    parts = [
        otlp.traces(*(otlp.span({"llm.provider": "vllm"}, trace_id=trace_id, start_ns=now + at * 10**9) for at in times))
        for times in ((0, 1), (40,), (80, 81))
    ]
    with (
        EmbeddedStore(tmp_path / "telemetry.db", min_free_bytes=0) as here,
        TempoServer(*map(ExportTraceServiceRequest.FromString, parts)) as server,
    ):
        for part in parts:
            here.write(Signal.TRACES, part).result()
        there = TempoStore(server.url, days=1)
        try:
            found = await there.requests(ALL, 10)
        finally:
            there.close()
        assert len(found) == 5
        assert uncounted(found) == uncounted(await here.requests(ALL, 10))
        assert server.read == []  # one search is enough


async def test_spans_of_every_kind_are_judged_as_here(tmp_path: Path) -> None:
    """Other instrumentations' spans, very many of one trace, words in an event alone, ids that begin with zeros."""
    now = tempo_store.time.time_ns() - 60 * 10**9
    step = iter(range(10_000))

    def one(of: dict[str, object], **more: object) -> object:
        return otlp.span(of, start_ns=now + next(step) * 1_000_000, **more)  # type: ignore[arg-type]

    provider = {"gen_ai.provider.name": "openai"}
    many = otlp.new_trace_id()
    spans = [
        one({**provider, "gen_ai.operation.name": "chat", "server.address": "api.openai.com", "server.port": 443}),
        one({**provider, "gen_ai.operation.name": "invoke_agent"}),
        one({"llm.provider": "vllm"}, kind=otlp.SERVER),
        one({"llm.provider": ""}),
        one({"llm.provider": "vllm", "llm.cold_start": True, "llm.timing.load": 1.5}, kind=otlp.INTERNAL),
        one({"llm.provider": "vllm"}, status=2, events={"exception": {"exception.message": "it broke"}}),
        one({"llm.provider": "vllm"}, trace_id=bytes(6) + many[:10], span_id=bytes(3) + otlp.new_span_id()[3:]),
        *(one({"llm.provider": "vllm", "llm.outcome": "abandoned"}, trace_id=many) for _ in range(150)),
    ]
    request = otlp.traces(*spans)  # type: ignore[arg-type]
    whole = ExportTraceServiceRequest.FromString(request)
    with EmbeddedStore(tmp_path / "telemetry.db", min_free_bytes=0) as here, TempoServer(whole) as server:
        here.write(Signal.TRACES, request).result()
        there = TempoStore(server.url, days=1)
        try:
            for which in (ALL, RequestFilter(status=RequestStatus.FAILED), RequestFilter(endpoint="api.openai.com:443")):
                expected = uncounted(await here.requests(which, 500))
                assert expected
                assert uncounted(await there.requests(which, 500)) == expected
        finally:
            there.close()
