"""What a stream owes its consumer beyond the matrix: a connection closed at once, and its context left alone however it is read."""

import asyncio
import contextlib
import gc
import logging

import pytest
from opentelemetry import trace
from semantic_kernel import Kernel
from support import behaviours, drive
from support.app import MODELS, OLLAMA, OPENAI, PARENT_ID, flushed, history, service_for, settings_for, watch
from support.chat_server import WAIT_S
from support.dialects import TEXT
from support.drive import Target

import venom_otel

connectors = pytest.mark.parametrize("connector", [OPENAI, OLLAMA])


@contextlib.asynccontextmanager
async def recorded(connector, servers, capture, *script):
    server = servers[connector]
    server.play(*script)
    async with service_for(connector, server.url, model=MODELS[connector]) as service:
        kernel = Kernel(services=[service])
        with venom_otel.instrument(kernel, **capture.telemetry) as handle:
            yield Target(connector, service, kernel, server, stream=True)
            await flushed(handle)


def stream_of(target):
    return target.service.get_streaming_chat_message_contents(history(), target.settings())


def chat_span(capture):
    [span] = [span for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    return span


@connectors
@pytest.mark.parametrize("act", [drive.early_break, drive.aclose, drive.cancelled])
async def test_leaving_a_stream_closes_its_connection_without_the_garbage_collector(connector, act, servers, capture):
    gc.disable()
    try:
        async with recorded(connector, servers, capture, behaviours.hangs(after=2)) as target:
            await watch(lambda seen: act(target, seen))
            [request] = target.server.requests
            assert await asyncio.to_thread(request.closed_early.wait, WAIT_S)
    finally:
        gc.enable()


@connectors
async def test_a_consumer_that_fails_on_a_chunk(connector, servers, capture):
    async with recorded(connector, servers, capture, behaviours.hangs(after=2)) as target:
        seen = await watch(lambda _: stumble(target))
        assert [error[0] for error in seen.error] == [ZeroDivisionError]
        [request] = target.server.requests
        gc.collect()  # the traceback held the stream
        assert await asyncio.to_thread(request.closed_early.wait, WAIT_S)
    span = chat_span(capture)
    assert (span["status"], span["attributes"]["llm.outcome"]) == ("UNSET", "abandoned")
    assert capture.logs() == []


async def stumble(target):
    async for _ in stream_of(target):
        1 / 0  # noqa: B018


@connectors
async def test_a_stream_that_nobody_reads_is_no_request(connector, servers, capture):
    async with recorded(connector, servers, capture, behaviours.answers()) as target:
        stream = stream_of(target)
        inner = target.service._inner_get_streaming_chat_message_contents(history(), target.settings())
        await stream.aclose()
        await inner.aclose()
        del stream, inner
        assert target.server.requests == []
    assert capture.spans() == []


@connectors
async def test_each_chunk_read_in_a_task_of_its_own(connector, servers, capture, caplog):
    """`asyncio.wait_for(anext(stream), …)` runs each step in a copy of the context."""
    async with recorded(connector, servers, capture, behaviours.answers()) as target:
        stream, text = stream_of(target), ""
        while chunk := await asyncio.create_task(next_or_none(stream)):
            text += chunk[0].content
    assert text == TEXT
    assert chat_span(capture)["attributes"]["llm.outcome"] == "ok"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def next_or_none(stream):
    return await anext(stream, None)


@connectors
async def test_a_consumer_that_waits_only_so_long_for_a_chunk(connector, servers, capture):
    async with recorded(connector, servers, capture, behaviours.hangs(after=2)) as target:
        stream = stream_of(target)
        await anext(stream)
        await anext(stream)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.01)
        [request] = target.server.requests
        assert await asyncio.to_thread(request.closed_early.wait, WAIT_S)
    span = chat_span(capture)
    assert (span["status"], span["attributes"]["llm.outcome"]) == ("UNSET", "cancelled")


@connectors
async def test_two_streams_read_by_turns(connector, servers, capture):
    """Their spans are siblings, and what the consumer records between two chunks is no child of either."""
    tracer = capture.tracer_provider.get_tracer("app")
    async with recorded(connector, servers, capture, behaviours.answers()) as target:
        with tracer.start_as_current_span("consumer") as consumer:
            first, second = stream_of(target), stream_of(target)
            texts = ["", ""]
            while True:
                chunks = [await anext(first, None), await anext(second, None)]
                if chunks == [None, None]:
                    break
                assert trace.get_current_span() is consumer
                texts = [text + chunk[0].content for text, chunk in zip(texts, chunks, strict=True)]
            with tracer.start_as_current_span("work"):
                pass
    assert texts == [TEXT, TEXT]
    chat = (f"chat {MODELS[connector]}", [("POST", [])])
    assert capture.tree() == [("consumer", [chat, chat, ("work", [])])]


@connectors
async def test_a_loop_that_ends_under_a_stream(connector, servers, capture):
    """`asyncio.run` closes the streams that were left open."""

    async def main():
        async with recorded(connector, servers, capture, behaviours.hangs(after=2)) as target:
            stream = stream_of(target)
            await anext(stream)
            opened.append(stream)

    opened = []
    await asyncio.to_thread(asyncio.run, main())
    opened.clear()
    assert chat_span(capture)["attributes"]["llm.outcome"] == "abandoned"
    [request] = servers[connector].requests
    assert await asyncio.to_thread(request.closed_early.wait, WAIT_S)


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
@connectors
async def test_twenty_at_once(connector, stream, servers, capture):
    """Each of twenty applications gets its own answer, and each request its own application as parent."""

    async def ask(target, seen, number):
        question, settings = history(f"question number {number}"), settings_for(connector)
        if not stream:
            [answer] = await target.service.get_chat_message_contents(question, settings)
            seen.results.append(answer.content)
            return
        text = ""
        async for chunk in target.service.get_streaming_chat_message_contents(question, settings):
            text += chunk[0].content
            seen.look()
            await asyncio.sleep(0)  # let the others in between
        seen.results.append(text)

    async with recorded(connector, servers, capture, behaviours.echoes()) as target:
        everyone = await asyncio.gather(
            *[watch(lambda seen, number=number: ask(target, seen, number), PARENT_ID + number) for number in range(20)]
        )
    for number, seen in enumerate(everyone):
        assert seen.results == [f" question number {number}"]
        assert seen.error == []
        assert {(trace_id, span_id, tuple(changed)) for trace_id, span_id, _, changed in seen.contexts} == {
            (0x7001, PARENT_ID + number, ())
        }
    chats = [span for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    assert sorted(span["parent"] for span in chats) == [PARENT_ID + number for number in range(20)]
    assert {span["attributes"]["llm.outcome"] for span in chats} == {"ok"}
    posts = [span for span in capture.span_dicts() if span["name"] == "POST"]
    assert sorted(span["parent"] for span in posts) == sorted(span["id"] for span in chats)
    [point] = capture.metrics()["gen_ai.client.operation.duration"]["points"]
    assert point["count"] == 20
