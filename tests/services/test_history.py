"""The history over a real store: pages, trees and what wakes a listener."""

import asyncio

import pytest
from support.otlp import chat, log_record, log_records, new_span_id, new_trace_id, request_id, span, traces
from support.patience import WAIT_S

from venom_otel.services.history import MAX_LIMIT
from venom_otel.services.traces import MAX_DEPTH, tree
from venom_otel.store.protocol import RequestFilter, RequestStatus, Search, Signal


def send(store, *spans):
    store.write(Signal.TRACES, traces(*spans)).result(WAIT_S)


def names(steps):
    return [(step.span.name, names(step.children)) for step in steps]


async def test_pages_say_how_to_go_on(store, history):
    assert await history.requests() == await history.requests(RequestFilter(before=0))
    send(store, *(chat() for _ in range(10)))
    first = await history.requests(limit=4)
    assert ([item.sequence for item in first.items], first.older, first.newer) == ([10, 9, 8, 7], 7, 10)
    second = await history.requests(RequestFilter(before=first.older), limit=4)
    assert ([item.sequence for item in second.items], second.older) == ([6, 5, 4, 3], 3)
    third = await history.requests(RequestFilter(before=second.older), limit=4)
    assert ([item.sequence for item in third.items], third.older) == ([2, 1], None)
    exact = await history.requests(limit=10)
    assert exact.older is None
    nothing_new = await history.requests(RequestFilter(after=first.newer))
    assert (nothing_new.items, nothing_new.newer) == ([], 10)
    send(store, chat(), chat())
    newer = await history.requests(RequestFilter(after=first.newer), limit=1)
    assert ([item.sequence for item in newer.items], newer.newer) == ([11], 11)


async def test_limits_are_brought_inside(store, history):
    send(store, *(chat() for _ in range(MAX_LIMIT + 2)))
    assert len((await history.requests(limit=10**9)).items) == MAX_LIMIT
    assert len((await history.requests(limit=-1)).items) == 1


async def test_who_answered_last(store, history):
    assert await history.answered_last() is None
    failed = {"llm.outcome": "error", "llm.error.kind": "auth"}
    send(store, chat("ollama", "a"), chat("vllm", "b"), chat("vllm", "c", more=failed))
    assert (await history.answered_last()).model == "b"
    assert (await history.answered_last(RequestFilter(model="a"))).model == "a"
    assert (await history.answered_last(RequestFilter(before=2))).model == "a"
    assert await history.answered_last(RequestFilter(model="c")) is None


async def test_a_request_with_its_steps_and_its_trace(store, history):
    root = span(name="agent", kind=1)
    one = chat(model="a", parent=root, start_ns=root.start_time_unix_nano + 10)
    post = span(name="POST", parent=one, start_ns=root.start_time_unix_nano + 20)
    two = chat(model="b", parent=root, start_ns=root.start_time_unix_nano + 30)
    send(store, two, post, root)
    send(store, one)
    found = await history.request(request_id(one))
    assert found is not None
    assert found.summary.model == "a"
    assert names(found.steps) == [("chat a", [("POST", [])])]
    assert names(found.trace.steps) == [("agent", [("chat a", [("POST", [])]), ("chat b", [])])]
    assert names((await history.trace(root.trace_id.hex())).steps) == names(found.trace.steps)


async def test_what_a_server_said_stands_in_lists_and_what_its_client_made_of_it_in_the_span(store, history):
    text = "Error code: 404 - {'error': {'message': \"model 'm' not found\", 'type': 'api_error'}}"
    failed = {"llm.outcome": "error", "error.type": "404"}
    send(store, chat(more=failed, status=2, message=text), one := chat(more=failed, status=2, message="Error code: 500"))
    said = [None, "model 'm' not found"]
    assert [item.error_message for item in (await history.requests()).items] == said
    assert [item.error_message for item in (await history.requests(search=Search(text="code:"))).items] == said
    assert [[item.error_message for item in page] async for page in history.everything(RequestFilter())] == [said[::-1]]
    summary, detail = await history.summary(request_id(one)), await history.request(request_id(one))
    assert summary.error_message is detail.summary.error_message is None
    assert [step.span.status_message for step in detail.steps] == ["Error code: 500"]


@pytest.mark.parametrize("wrong", ["", "zz", "0" * 32, f"{'0' * 32}-{'0' * 16}", f"{'A' * 32}-{'0' * 16}", f"{'0' * 32}-{'0' * 16}\n"])
async def test_an_id_that_is_none(history, wrong):
    assert await history.request(wrong) is None
    assert not await history.trace(wrong)


async def test_a_step_whose_parent_has_not_arrived_stands_by_itself(store, history):
    root = span(name="root")
    child = chat(model="a", parent=span(trace_id=root.trace_id), start_ns=root.start_time_unix_nano + 1)
    send(store, root, child)
    assert names((await history.trace(root.trace_id.hex())).steps) == [("root", []), ("chat a", [])]
    found = await history.request(request_id(child))
    assert found is not None
    assert names(found.steps) == [("chat a", [])]


async def test_log_records_stand_at_the_span_they_name(store, history):
    root = span(name="root")
    child = chat(parent=root, start_ns=root.start_time_unix_nano + 1)
    stranger = span(trace_id=root.trace_id)  # never sent
    records = [log_record(words, of=of, time_ns=time_ns) for words, of, time_ns in [("2", child, 2), ("1", child, 1), ("r", root, 1)]]
    loose = [log_record("s", of=stranger, time_ns=9), log_record("t", trace_id=root.trace_id, time_ns=8)]
    send(store, root, child)
    store.write(Signal.LOGS, log_records(*records, *loose, log_record("of another", of=span()))).result(WAIT_S)
    trace = await history.trace(root.trace_id.hex())
    (top,) = trace.steps
    assert [record.body for record in top.logs] == ["r"]
    assert [record.body for record in top.children[0].logs] == ["1", "2"]
    assert [record.body for record in trace.logs] == ["t", "s"]
    found = await history.request(request_id(child))
    assert [record.body for record in found.steps[0].logs] == ["1", "2"]
    assert found.trace == trace


async def test_a_trace_of_which_only_log_records_arrived(store, history):
    trace_id = new_trace_id()
    store.write(Signal.LOGS, log_records(log_record("early", trace_id=trace_id))).result(WAIT_S)
    trace = await history.trace(trace_id.hex())
    assert trace
    assert (trace.steps, [record.body for record in trace.logs]) == ([], ["early"])


async def searched(history, search, limit=2, **which):
    """Every match, page by page, and how the pages went."""
    pages, before = [], None
    while True:
        page = await history.requests(RequestFilter(before=before, **which), limit, search=search)
        pages.append([item.sequence for item in page.items])
        before = page.older
        if before is None:
            return pages


async def test_a_search_goes_back_to_the_oldest(store, history):
    send(store, *(chat(more={"note": f"number {number % 3}"}) for number in range(9)))
    assert [number for page in await searched(history, Search("NUMBER 1")) for number in page] == [8, 5, 2]
    assert [number for page in await searched(history, Search(attributes={"note": "number 1"})) for number in page] == [8, 5, 2]
    assert [number for page in await searched(history, Search("number 1"), status=RequestStatus.FAILED) for number in page] == []


async def test_a_search_is_followed_from_where_it_was(store, history):
    send(store, *(chat() for _ in range(3)), chat(more={"note": "needle"}))
    search = Search("needle")
    page = await history.requests(search=search)
    assert ([item.sequence for item in page.items], page.newer) == ([4], 4)
    send(store, chat(), chat())
    page = await history.requests(RequestFilter(after=page.newer), search=search)
    assert (page.items, page.newer) == ([], 6)  # what was looked at is not looked at again

    async def arrive():
        for note in ("hay", "needle"):
            await asyncio.to_thread(send, store, chat(more={"note": note}))

    async with asyncio.timeout(WAIT_S):
        page, _ = await asyncio.gather(history.requests(RequestFilter(after=page.newer), search=search, wait_s=2 * WAIT_S), arrive())
    assert ([item.sequence for item in page.items], page.newer) == ([8], 8)


async def test_a_search_without_a_match_ends(history, store):
    send(store, chat())
    page = await history.requests(search=Search("nowhere"))
    assert (page.items, page.older, page.newer) == ([], None, 1)
    assert (await history.requests(RequestFilter(after=0), search=Search("nowhere"), wait_s=0.05)).items == []


async def read_back(store, *spans):
    send(store, *spans)
    return await store.trace(spans[0].trace_id.hex())


async def test_spans_that_are_their_own_ancestors_are_not_lost(store):
    trace_id = new_trace_id()
    ids = [new_span_id() for _ in range(3)]
    ring = [span(trace_id=trace_id, span_id=ids[number], name=str(number), start_ns=1_000 + number) for number in range(3)]
    for number in range(3):
        ring[number].parent_span_id = ids[(number + 1) % 3]
    lonely = span(trace_id=trace_id, name="itself", start_ns=5_000)
    lonely.parent_span_id = lonely.span_id
    assert names(tree(await read_back(store, *ring, lonely))) == [("0", [("2", [("1", [])])]), ("itself", [])]


async def test_a_tree_without_end_is_cut_flat(store):
    chain = [span(name="0")]
    for number in range(1, 3_000):
        chain.append(span(parent=chain[-1], name=str(number), start_ns=chain[0].start_time_unix_nano + number))
    steps, depth, seen = tree(await read_back(store, *chain)), 0, 0
    while steps:
        seen += len(steps)
        depth += 1
        steps = [child for step in steps for child in step.children]
    assert (seen, depth) == (3_000, MAX_DEPTH)


async def test_changes_wake_a_listener_once_for_what_came_meanwhile(store, history):
    with history.changes() as changes:
        for _ in range(3):
            send(store, chat())
        newest = 0
        async with asyncio.timeout(WAIT_S):
            while newest < 3:
                newest = await anext(changes)
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        assert not waiting.done()
        send(store, span())  # no request, but a trace that is open may have grown
        assert await asyncio.wait_for(waiting, WAIT_S) == 3
    send(store, chat())


async def test_waiting_for_a_first_match(store, history):
    async def arrive():
        for provider in ("ollama", "ollama", "vllm"):
            await asyncio.to_thread(send, store, chat(provider))

    async with asyncio.timeout(WAIT_S):
        page, _ = await asyncio.gather(history.requests(RequestFilter(provider="vllm"), wait_s=2 * WAIT_S), arrive())
    assert [item.provider for item in page.items] == ["vllm"]
    assert not store._ingest._listeners


async def test_waiting_ends_in_vain_and_does_not_begin_where_there_is_an_answer(store, history):
    assert (await history.requests(wait_s=0.05)).items == []
    send(store, chat())
    assert len((await asyncio.wait_for(history.requests(wait_s=2 * WAIT_S), WAIT_S)).items) == 1
    assert (await history.requests(RequestFilter(after=1), wait_s=0.05)).items == []


async def test_a_program_that_ends_ends_all_waiting(history):
    with history.changes() as changes:
        waits = [asyncio.ensure_future(history.requests(wait_s=2 * WAIT_S)), asyncio.ensure_future(anext(changes, "ended"))]
        await asyncio.sleep(0)
        history.end_waiting()
        page, said = await asyncio.wait_for(asyncio.gather(*waits), WAIT_S)
    assert (page.items, said) == ([], "ended")
    assert (await asyncio.wait_for(history.requests(wait_s=2 * WAIT_S), WAIT_S)).items == []
