"""A routed stream: falls back before its first chunk and never after, ends once in every way, leaves its consumer's context alone."""

import asyncio
import gc

import pytest
from opentelemetry import trace
from semantic_kernel import Kernel
from support import behaviours, dialects, drive, routing
from support.app import MODELS, OLLAMA, OPENAI, PARENT_ID, flushed, history, settings_for, watch
from support.chat_server import WAIT_S
from support.dialects import TEXT
from support.drive import Target
from support.routing import services_for
from support.unhurried import growing

import venom_otel
from venom_otel.routing import AttemptTimeoutError, Policy

orders = pytest.mark.parametrize("order", [(OLLAMA, OPENAI), (OPENAI, OLLAMA)], ids="-".join)

BROKEN_BEFORE = {
    "dropped": (behaviours.drops(), "server_error"),
    "refused": (behaviours.refuses(dialects.BUSY), "overloaded"),
    "error in the first piece": (behaviours.fails_midway(dialects.FAILED, after=0), "server_error"),
}
BROKEN_AFTER = {
    "reset": (behaviours.breaks(after=2), "broken_stream"),
    "error event": (behaviours.fails_midway(dialects.FAILED, after=2), "server_error"),
}


@pytest.fixture(params=[(OLLAMA, OPENAI), (OPENAI, OLLAMA)], ids="-".join)
async def routed(request, servers, urls, capture):
    """A routed service in a kernel, recorded; its first server is the one that the tests script."""
    async with services_for({connector: urls[connector] for connector in request.param}) as services:
        service = venom_otel.fallback(services)
        kernel = Kernel(services=[service])
        first, second = request.param
        target = Target(first, service, kernel, servers[first], stream=True)
        target.second = servers[second]
        with venom_otel.instrument(kernel, **capture.telemetry) as handle:
            target.handle = handle
            yield target


async def read(target, seen):
    async for chunk in target.service.get_streaming_chat_message_contents(history(), target.settings()):
        seen.take(chunk)
        seen.look()


def spans_of(capture):
    """The routed call's span and those of its attempts."""
    spans = [span for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    [route] = [span for span in spans if span["name"].startswith("route")]
    return route, [span for span in spans if span is not route]


def outcomes(capture):
    route, attempts = spans_of(capture)
    return route["attributes"]["llm.outcome"], [attempt["attributes"]["llm.outcome"] for attempt in attempts]


def words(seen):
    return "".join(part.get("text", "") for [(_, chunk, _)] in seen.results for part in chunk["items"])


def contexts_are_the_consumers(seen):
    return {(trace_id, span_id, tuple(changed)) for trace_id, span_id, _, changed in seen.contexts} == {(0x7001, PARENT_ID, ())}


@pytest.mark.parametrize("how", BROKEN_BEFORE)
async def test_an_error_before_the_first_chunk(how, routed, capture):
    behaviour, kind = BROKEN_BEFORE[how]
    routed.server.play(behaviour)
    seen = await watch(lambda seen: read(routed, seen))
    await flushed(routed.handle)
    assert (seen.error, words(seen)) == ([], TEXT)
    assert contexts_are_the_consumers(seen)
    assert outcomes(capture) == ("ok", ["error", "ok"])
    assert spans_of(capture)[0]["attributes"]["llm.route.reason"] == kind


@pytest.mark.parametrize("how", BROKEN_AFTER)
async def test_an_error_after_the_first_chunk(how, routed, capture):
    behaviour, kind = BROKEN_AFTER[how]
    routed.server.play(behaviour)
    seen = await watch(lambda seen: read(routed, seen))
    await flushed(routed.handle)
    assert seen.error
    assert len(seen.results) >= 1
    assert contexts_are_the_consumers(seen)
    assert routed.second.requests == []
    assert outcomes(capture) == ("error", ["error"])
    route, [attempt] = spans_of(capture)
    assert (route["attributes"]["llm.error.kind"], attempt["attributes"]["llm.error.kind"]) == (kind, kind)
    assert (route["status"], route["description"]) == ("ERROR", attempt["description"])


async def test_the_error_after_the_first_chunk_is_the_services_own(servers, urls):
    """The same as a bare service's: type, words, cause, and no note."""
    servers[OPENAI].play(behaviours.breaks(after=2))
    async with services_for({OPENAI: urls[OPENAI]}) as services:
        targets = [
            Target(OPENAI, service, Kernel(), servers[OPENAI], stream=True) for service in (services[0], venom_otel.fallback(services))
        ]
        bare, routed = [await watch(lambda seen, target=target: read(target, seen)) for target in targets]
    assert routed.error == bare.error


@pytest.mark.parametrize("act", [drive.early_break, drive.aclose, drive.garbage_collected])
async def test_leaving_it(act, routed, capture):
    routed.server.play(behaviours.hangs(after=2))
    seen = await watch(lambda seen: act(routed, seen))
    [request] = routed.server.requests
    assert await asyncio.to_thread(request.closed_early.wait, WAIT_S)
    await flushed(routed.handle)
    assert contexts_are_the_consumers(seen)
    assert outcomes(capture) == ("abandoned", ["abandoned"])
    route, _ = spans_of(capture)
    assert (route["status"], route["attributes"]["llm.route.attempts"]) == ("UNSET", 1)
    assert routed.second.requests == []
    assert ends_after_its_attempts(capture)


def ends_after_its_attempts(capture):
    spans = {span.name.split()[0]: span.end_time for span in capture.spans() if span.instrumentation_scope.name == "venom_otel"}
    return spans["route"] >= spans["chat"]


@pytest.mark.parametrize("act", [drive.early_break, drive.aclose, drive.cancelled])
async def test_leaving_it_closes_the_connection_without_the_garbage_collector(act, routed):
    gc.disable()
    try:
        routed.server.play(behaviours.hangs(after=2))
        await watch(lambda seen: act(routed, seen))
        [request] = routed.server.requests
        assert await asyncio.to_thread(request.closed_early.wait, WAIT_S)
    finally:
        gc.enable()


@pytest.mark.parametrize("after", [0, 2])
async def test_cancelling_its_task(after, routed, capture):
    """A cancellation is never answered with another attempt."""
    routed.server.play(behaviours.hangs(after=after))
    chunks = []

    async def consume():
        async for chunk in routed.service.get_streaming_chat_message_contents(history(), routed.settings()):
            chunks.append(chunk)  # noqa: PERF401 - it is looked at before the stream's end

    task = asyncio.create_task(consume())
    [request] = await asyncio.to_thread(routed.server.wait_for, 1)
    assert await asyncio.to_thread(request.paused.wait, WAIT_S)
    async with asyncio.timeout(WAIT_S):
        while len(chunks) < after:  # noqa: ASYNC110 - another task fills it
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await flushed(routed.handle)
    assert routed.second.requests == []
    assert outcomes(capture) == ("cancelled", ["cancelled"])


@orders
async def test_a_server_that_gives_no_first_chunk_in_time(order, servers, urls, limits_pass_when_asked, capture):
    first, second = order
    servers[first].play(behaviours.hangs())
    async with services_for({connector: urls[connector] for connector in order}) as services:
        service = venom_otel.fallback(services, policy=Policy(attempt_timeout_s=0.5))
        target = Target(first, service, Kernel(), servers[first], stream=True)
        with venom_otel.instrument(**capture.telemetry) as handle:
            seen = await watch(lambda seen: read(target, seen))
            [request] = servers[first].requests
            assert await asyncio.to_thread(request.closed_early.wait, WAIT_S)
            await flushed(handle)
    assert (seen.error, words(seen)) == ([], TEXT)
    assert contexts_are_the_consumers(seen)
    assert outcomes(capture) == ("ok", ["error", "ok"])
    _, [late, _] = spans_of(capture)
    name = {OLLAMA: f"ol (gemma3:tiny at {urls[OLLAMA]})", OPENAI: f"vl (gemma-3 at {urls[OPENAI]}/v1)"}[first]
    assert (late["attributes"]["llm.error.kind"], late["attributes"]["error.type"], late["description"]) == (
        "timeout",
        "timeout",
        f"{name} did not answer within 0.5 s",
    )
    assert routing.fallbacks(capture) == {(routing.provider(first), routing.provider(second), "timeout"): 1}


async def test_the_time_is_up_only_before_the_first_chunk(servers, urls):
    """An answer that has begun may take as long as it likes."""
    loop = asyncio.get_running_loop()

    async def pauses(exchange):
        dialect = dialects.of(exchange.request.path)
        pieces = dialect.pieces(exchange.request.body["model"], dialects.Answer())
        await exchange.begin(200, dialect.stream_type)
        await exchange.send(pieces[0])
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(goes_on.wait(), loop))
        for piece in pieces[1:]:
            await exchange.send(piece)
        await exchange.end()

    for limit_s in growing(0.5):
        goes_on = asyncio.Event()
        for server in servers.values():
            server.play(pauses)
        async with services_for({OLLAMA: urls[OLLAMA]}) as services:
            stream = venom_otel.fallback(services, policy=Policy(attempt_timeout_s=limit_s)).get_streaming_chat_message_contents(
                history(), settings_for(OLLAMA)
            )
            try:
                text = (await anext(stream))[0].content
            except AttemptTimeoutError:
                goes_on.set()
                continue
            loop.call_later(limit_s * 2, goes_on.set)
            async for chunk in stream:
                text += chunk[0].content
            break
    assert text == TEXT


async def test_an_empty_stream_is_an_answer(routed, capture):
    routed.server.play(behaviours.says_nothing())
    seen = await watch(lambda seen: read(routed, seen))
    await flushed(routed.handle)
    assert (seen.error, seen.results) == ([], [])
    assert outcomes(capture) == ("ok", ["ok"])


async def test_a_stream_that_nobody_reads_is_no_request(routed, capture):
    stream = routed.service.get_streaming_chat_message_contents(history(), routed.settings())
    inner = routed.service._inner_get_streaming_chat_message_contents(history(), routed.settings())
    await stream.aclose()
    await inner.aclose()
    del stream, inner
    assert (routed.server.requests, capture.spans()) == ([], [])


async def test_each_chunk_read_in_a_task_of_its_own(routed, capture):
    routed.server.play(behaviours.refuses(dialects.BUSY))
    stream, text = routed.service.get_streaming_chat_message_contents(history(), routed.settings()), ""

    async def next_or_none():
        return await anext(stream, None)

    while chunk := await asyncio.create_task(next_or_none()):
        text += chunk[0].content
        assert not trace.get_current_span().get_span_context().is_valid
    await flushed(routed.handle)
    assert text == TEXT
    assert outcomes(capture) == ("ok", ["error", "ok"])


async def test_a_hundred_at_once(routed, capture):
    """Half of their servers' replies are refusals; each consumer gets its own answer, and each attempt its own call as parent."""
    turn = iter(range(1000))

    async def every_second(exchange):
        await (behaviours.echoes() if next(turn) % 2 else behaviours.refuses(dialects.FAILED))(exchange)

    routed.server.play(every_second)
    routed.second.play(behaviours.echoes())

    async def ask(seen, number):
        text = ""
        asked = history(f"question number {number}")
        async for chunk in routed.service.get_streaming_chat_message_contents(asked, routed.settings()):
            text += chunk[0].content
            seen.look()
            await asyncio.sleep(0)  # let the others in between
        seen.results.append(text)

    everyone = await asyncio.gather(*[watch(lambda seen, number=number: ask(seen, number), PARENT_ID + number) for number in range(100)])
    await flushed(routed.handle)
    for number, seen in enumerate(everyone):
        assert (seen.error, seen.results) == ([], [f" question number {number}"])
        assert {(span_id, tuple(changed)) for _, span_id, _, changed in seen.contexts} == {(PARENT_ID + number, ())}
    spans = [span for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    routes = {span["id"]: span for span in spans if span["name"].startswith("route")}
    assert sorted(route["parent"] for route in routes.values()) == [PARENT_ID + number for number in range(100)]
    attempts = [span for span in spans if span["id"] not in routes]
    counted = dict.fromkeys(routes, 0)
    for attempt in attempts:
        counted[attempt["parent"]] += 1
    assert counted == {number: route["attributes"]["llm.route.attempts"] for number, route in routes.items()}
    assert len(attempts) == len(routed.server.requests) + len(routed.second.requests)
    assert MODELS[OPENAI] in {attempt["attributes"]["llm.model"] for attempt in attempts}
