"""A trace that Tempo gives in part, for it is larger than its limit: never shown as if it were whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from nicegui import ui
from nicegui.testing import user_simulation
from support.patience import WAIT_S
from support.replay import ANYTHING_ELSE, Page, ReplayServer
from support.tempo_server import TOO_LARGE, TempoServer
from support.tempo_traces import traces

from venom_otel.cockpit.history.address import ListAddress
from venom_otel.cockpit.trace.trace_view import TraceView
from venom_otel.services.history import History
from venom_otel.store.combined import CombinedStore
from venom_otel.store.protocol import RequestFilter, Signal
from venom_otel.store.tempo import TempoStore
from venom_otel.store.tempo.replies import LIMIT, missing_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.store.embedded import EmbeddedStore

LEFT = 1
"""Spans of a trace that this Tempo gives by its id."""


@pytest.fixture
def tempo(begin_ns: int) -> Iterator[TempoServer]:
    with TempoServer(traces(begin_ns)) as server:
        yield server


@pytest.fixture
def there(tempo: TempoServer) -> Iterator[TempoStore]:
    store = TempoStore(tempo.url, days=2)
    yield store
    store.close()


async def test_a_part_of_a_trace_says_what_it_is(tempo: TempoServer, there: TempoStore, empty: EmbeddedStore) -> None:
    listed = await there.requests(RequestFilter(), 100)
    whole = await there.trace(listed[0].trace_id)
    assert len(whole) > LEFT
    assert whole.missing is None
    tempo.most_spans = LEFT
    part = await there.trace(listed[1].trace_id)
    assert len(part) == LEFT
    assert part.missing == (
        f"Only a part of this trace is shown. {there.name} says: {TOO_LARGE}. "
        "Raise `max_bytes_per_trace` in Tempo's `overrides` for larger ones."
    )
    history = History(CombinedStore(empty, requests=there))
    assert (await history.trace(listed[1].trace_id)).missing == part.missing
    assert (await history.trace(listed[0].trace_id)).missing is None


async def test_requests_are_listed_all_the_same(tempo: TempoServer, there: TempoStore) -> None:
    """Of some the list looks at the whole trace, of which a part is not the request."""
    listed = await there.requests(RequestFilter(), 100)
    tempo.most_spans = 0
    again = TempoStore(tempo.url, days=2)
    try:
        assert {one.request_id for one in await again.requests(RequestFilter(), 100)} == {one.request_id for one in listed}
    finally:
        again.close()


async def test_what_is_here_of_it_is_shown_with_what_tempo_gives(
    tempo: TempoServer, there: TempoStore, empty: EmbeddedStore, begin_ns: int
) -> None:
    empty.write(Signal.TRACES, traces(begin_ns).SerializeToString()).result(WAIT_S)
    (one,) = await empty.requests(RequestFilter(), 1)
    tempo.most_spans = LEFT
    both = CombinedStore(empty, requests=there)
    found = await both.trace(one.trace_id)
    assert list(found) == list(await empty.trace(one.trace_id))
    assert found.missing is not None


async def test_the_page_says_it(tempo: TempoServer, there: TempoStore, empty: EmbeddedStore) -> None:
    tempo.most_spans = LEFT
    (one,) = await there.requests(RequestFilter(), 1)
    history = History(CombinedStore(empty, requests=there), live=empty)

    def page() -> None:
        address = ListAddress(ui.context.client.sub_pages_router)

        async def show() -> None:
            await TraceView(history, one.trace_id, "", address).show()

        ui.sub_pages({"/": show})

    async with user_simulation(page) as user:
        await user.open("/")
        await user.should_see(TOO_LARGE, retries=100)
        await user.should_see(LIMIT)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({}, None),
        ({"status": "COMPLETE"}, None),
        ({"status": 0, "message": "none"}, None),
        ({"status": "PARTIAL", "message": "half of it"}, "Tempo says: half of it."),
        ({"status": 1}, "Tempo says: it is too large."),
    ],
    ids=str,
)
def test_every_way_to_say_it(reply: dict[str, object], words: str | None) -> None:
    said = missing_of(reply, "Tempo")
    assert said is None if words is None else words in str(said)


async def test_a_reply_as_tempo_writes_it() -> None:
    """By its protocol: `status` by its name beside `trace`; a whole one has neither."""
    body = b'{"trace":{"resourceSpans":[]},"metrics":{},"status":"PARTIAL","message":"' + TOO_LARGE.encode() + b'"}'
    with ReplayServer({ANYTHING_ELSE: Page(body=body)}) as server:
        store = TempoStore(server.url, days=1)
        try:
            assert TOO_LARGE in str((await store.trace("0" * 31 + "1")).missing)
        finally:
            store.close()
