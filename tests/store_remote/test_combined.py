"""What is new from here, what is older from Tempo: one list, without a double and without a gap."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support import otlp
from support.tempo_server import TempoServer
from support.tempo_traces import traces

from venom_otel.errors import StoreError
from venom_otel.services.history import History
from venom_otel.store.combined import CombinedStore, asked
from venom_otel.store.protocol import RequestFilter, Search, Signal
from venom_otel.store.tempo import TempoStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.store.embedded import EmbeddedStore
    from venom_otel.store.protocol import RequestSummary

ALL = RequestFilter()
HERE = 12
LATE = 5


@pytest.fixture
def own_tempo(begin_ns: int) -> Iterator[TempoServer]:
    """A Tempo of the test's own, which it may end."""
    with TempoServer(traces(begin_ns)) as server:
        yield server


@pytest.fixture
def both(own_tempo: TempoServer, empty: EmbeddedStore) -> Iterator[CombinedStore]:
    """Twelve requests that are new and only here, five that began long ago and arrived here as well, and all others in Tempo."""
    late = [
        span for resource in own_tempo.blocks[0].resource_spans for span in resource.scope_spans[0].spans if span.name.startswith("chat ")
    ]
    empty.write(Signal.TRACES, otlp.traces(*late[-LATE:], service="orders-assistant")).result()
    new = [otlp.span({"llm.provider": "vllm", "llm.outcome": "ok"}, start_ns=time.time_ns()) for _ in range(HERE)]
    empty.write(Signal.TRACES, otlp.traces(*new)).result()
    store = CombinedStore(empty, requests=TempoStore(own_tempo.url, days=2))
    yield store
    store.close()


@pytest.fixture
def history(both: CombinedStore, empty: EmbeddedStore) -> History:
    """What the page asks."""
    return History(both, live=empty)


async def paged(history: History, which: RequestFilter, size: int, search: Search | None = None) -> list[RequestSummary]:
    """Every page, one after the other."""
    found: list[RequestSummary] = []
    while True:
        page = await history.requests(which, size, search=search)
        assert page.missing is None
        found += page.items
        if page.older is None:
            return found
        which = replace(which, before=page.older)


@pytest.mark.parametrize("size", [1, 5, 16, 17, 18, 500])
async def test_a_list_goes_on_in_the_past(size: int, history: History, embedded: EmbeddedStore, empty: EmbeddedStore) -> None:
    found = await paged(history, ALL, size)
    everything = {one.request_id for one in (*await empty.requests(ALL, 100), *await embedded.requests(ALL, 100))}
    assert [one.request_id for one in found[: HERE + LATE]] == [one.request_id for one in await empty.requests(ALL, 100)]
    assert len(found) == len(everything)
    assert {one.request_id for one in found} == everything
    assert [one.sequence for one in found] == sorted((one.sequence for one in found), reverse=True)


async def test_a_search_goes_on_in_the_past(history: History, embedded: EmbeddedStore) -> None:
    found = await paged(history, ALL, 4, Search(text="404 from"))
    expected = (await embedded.search(ALL, Search(text="404 from"), 100)).items
    assert [one.request_id for one in found] == [one.request_id for one in expected]


async def test_what_arrives_is_followed_here_alone(history: History, empty: EmbeddedStore, own_tempo: TempoServer) -> None:
    page = await history.requests(limit=10)
    assert own_tempo.asked == []
    assert page.newer == HERE + LATE
    empty.write(Signal.TRACES, otlp.traces(otlp.span({"llm.provider": "vllm"}))).result()
    after = await history.requests(RequestFilter(after=page.newer))
    assert [one.sequence for one in after.items] == [HERE + LATE + 1]
    assert await history.newest() == HERE + LATE + 1
    assert own_tempo.asked == []


async def test_tempo_is_not_asked_for_what_is_here(history: History, both: CombinedStore, own_tempo: TempoServer) -> None:
    usage = await both.usage()
    assert usage.oldest_ns is not None
    which = RequestFilter(since_ns=usage.oldest_ns)
    assert len(await paged(history, which, 50)) == HERE
    assert len(await paged(history, which, 50, Search(text="vllm"))) == HERE
    assert own_tempo.asked == []


async def test_a_trace_of_the_past_and_its_request(history: History, own_tempo: TempoServer, embedded: EmbeddedStore) -> None:
    old = (await embedded.requests(ALL, 100))[-1]
    own_tempo.read.clear()
    detail = await history.request(old.request_id)
    assert own_tempo.read == [old.trace_id]  # a request and its trace are one question
    expected = await History(embedded).request(old.request_id)
    assert detail is not None
    assert expected is not None
    assert detail.trace == expected.trace
    assert replace(detail.summary, sequence=0) == replace(expected.summary, sequence=0)


async def test_a_trace_of_which_a_part_is_here_is_whole(both: CombinedStore, empty: EmbeddedStore, embedded: EmbeddedStore) -> None:
    late = (await empty.requests(ALL, 100))[HERE]
    here, whole = await empty.trace(late.trace_id), await both.trace(late.trace_id)
    assert len(here) < len(whole)
    assert [span.span_id for span in whole] == [span.span_id for span in await embedded.trace(late.trace_id)]


async def test_a_tempo_that_is_down_is_said_and_asked_again(
    history: History, both: CombinedStore, own_tempo: TempoServer, embedded: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "REST_S", 3_600.0)
    old = (await embedded.requests(ALL, 100))[-1]
    own_tempo.refusal = (503, "starting")
    page = await history.requests(limit=50)
    assert len(page.items) == HERE + LATE
    assert page.missing is not None
    assert "503 Service Unavailable: starting" in page.missing
    assert page.older == page.items[-1].sequence
    again = await history.requests(RequestFilter(before=page.older))
    assert (list(again.items), again.older, again.missing) == ([], page.older, page.missing)
    searched = await history.requests(RequestFilter(before=0), search=Search(text="404"))
    assert (list(searched.items), searched.older, searched.missing) == ([], 0, page.missing)
    with pytest.raises(StoreError, match="503"):
        await history.trace(old.trace_id)
    own_tempo.refusal = None
    assert (await history.requests(RequestFilter(before=page.older))).missing == page.missing  # it is left alone for a while
    monkeypatch.setattr(asked, "REST_S", 0.0)
    monkeypatch.setattr(both._requests_asked, "_rests_until", 0.0)
    assert (await history.requests(RequestFilter(before=page.older))).items
    assert both.missing is None


async def test_new_requests_need_no_tempo(history: History, own_tempo: TempoServer) -> None:
    own_tempo.stop()
    page = await history.requests(limit=10)
    assert len(page.items) == 10
    assert page.missing is None
    assert (await history.trace(page.items[0].trace_id)).steps
