"""One round trip: it ends once, at its true time, says who was asked, and nobody is in it afterwards.

Times are the real ones, which other tests leave out.
"""

import asyncio
import itertools
import time

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from support import behaviours
from support.app import MODELS, OPENAI, flushed, history, service_for
from support.chat_server import ChatServer
from support.custom import Parrot

import venom_otel
from venom_otel.instrumentation.invocation import NANOSECONDS, current

PAUSES = (0.005, 0.003, 0.004, 0.002)
"""Seconds before each of three chunks, and before the end."""


def work(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


class Slow(Parrot):
    """Takes a known time, at least."""

    async def _inner_get_chat_message_contents(self, chat_history, settings):
        work(PAUSES[0])
        return await super()._inner_get_chat_message_contents(chat_history, settings)

    async def _inner_get_streaming_chat_message_contents(self, chat_history, settings, function_invoke_attempt=0):
        pauses = iter(PAUSES)
        async for contents in super()._inner_get_streaming_chat_message_contents(chat_history, settings):
            work(next(pauses))
            yield contents
        work(next(pauses))


@pytest.fixture
def measured():
    """Gives the sum and number of each duration that was recorded; its provider goes to `instrument`."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)

    def read():
        data = reader.get_metrics_data()
        points = {
            metric.name.removeprefix("gen_ai.client.operation."): metric.data.data_points
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }
        return {name: (sum(point.sum for point in some), sum(point.count for point in some)) for name, some in points.items()}

    read.provider = provider
    yield read
    provider.shutdown()


async def consume(service, *, stream):
    if stream:
        async for _ in service.get_streaming_chat_message_contents(history("one two three"), PromptExecutionSettings()):
            pass
    else:
        await service.get_chat_message_contents(history("one two three"), PromptExecutionSettings())


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
async def test_times_are_those_that_passed(stream, capture, measured):
    service = Slow(ai_model_id="m", service_id="s")
    with venom_otel.instrument(**{**capture.telemetry, "meter_provider": measured.provider}):
        wall, clock = time.time_ns(), time.perf_counter()
        await consume(service, stream=stream)
        passed_s, now = time.perf_counter() - clock, time.time_ns()
    [span] = capture.spans()
    found = measured()
    duration_s, number = found["duration"]
    assert number == 1
    assert wall <= span.start_time <= span.end_time <= now
    assert span.end_time - span.start_time >= int(duration_s * NANOSECONDS)
    if not stream:
        assert PAUSES[0] <= duration_s <= passed_s
        assert found.keys() == {"duration"}
        return
    first_s = span.attributes["gen_ai.response.time_to_first_chunk"]
    gaps_s, gaps = found["time_per_output_chunk"]
    assert found["time_to_first_chunk"] == (first_s, 1)
    assert gaps == 2
    assert first_s >= PAUSES[0]
    assert gaps_s >= PAUSES[1] + PAUSES[2]
    assert first_s + gaps_s + PAUSES[3] <= duration_s <= passed_s


@pytest.mark.parametrize("after", [0, 1])
async def test_a_connection_that_fails_after_a_chunk_was_a_stream(after, capture):
    """Also where the client shows no reply: without a chunk, nobody was reached as far as is known."""

    class Broken(Parrot):
        async def _inner_get_streaming_chat_message_contents(self, chat_history, settings, function_invoke_attempt=0):
            async for contents in super()._inner_get_streaming_chat_message_contents(chat_history, settings):
                if not after:
                    break
                yield contents
            raise ConnectionError("gone")

    service = Broken(ai_model_id="m", service_id="s")
    with venom_otel.instrument(**capture.telemetry), pytest.raises(ConnectionError):
        await consume(service, stream=True)
    [span] = capture.span_dicts()
    kind = "broken_stream" if after else "not_reached"
    assert (span["attributes"]["llm.error.kind"], span["attributes"]["error.type"]) == (kind, "connection_error")


async def test_a_gateway_is_named_beside_who_answered(capture):
    def gateway(path):
        alive = path == "/health/liveliness"
        return (200, "application/json", b'"I\'m alive!"') if alive else (404, "application/json", b'{"detail":"Not Found"}')

    with ChatServer(gateway) as server:
        server.play(behaviours.answers(), behaviours.answers())
        async with service_for(OPENAI, server.url, model=MODELS[OPENAI]) as service:
            with venom_otel.instrument(**capture.telemetry) as handle:
                for _ in range(2):  # asked for while it ends, and known at its start
                    await consume(service, stream=False)
                    await flushed(handle)
    chats = [span["attributes"] for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    said = [[chat[name] for name in ("llm.gateway", "llm.provider", "llm.identity.source")] for chat in chats]
    assert said == [["litellm", "vllm", "server"]] * 2


class Inside(Parrot):
    """Shows in which invocation it runs, and starts a task there that outlives the call."""

    seen: list = []  # noqa: RUF012 - pydantic copies it for each service
    tasks: list = []  # noqa: RUF012
    over: asyncio.Event | None = None

    async def _inner_get_chat_message_contents(self, chat_history, settings):
        async def later():
            at_first = current()
            await self.over.wait()
            return at_first, current()

        self.seen.append(current())
        self.tasks.append(asyncio.create_task(later()))
        await asyncio.sleep(0)
        return await super()._inner_get_chat_message_contents(chat_history, settings)


@pytest.fixture
def inside():
    return Inside(ai_model_id="m", service_id="s", over=asyncio.Event())


async def test_a_task_that_outlives_a_call_is_in_none(inside, capture):
    with venom_otel.instrument(**capture.telemetry):
        await consume(inside, stream=False)
        inside.over.set()
        [task] = inside.tasks
        assert await task == (inside.seen[0], None)
    assert inside.seen[0] is not None
    assert current() is None


ENDS = {
    "succeed": lambda invocation: invocation.succeed(),
    "succeed with an answer": lambda invocation: invocation.succeed([]),
    "fail": lambda invocation: invocation.fail(ValueError("too late")),
    "cancel": lambda invocation: invocation.cancel(),
    "abandon": lambda invocation: invocation.abandon(),
}
OUTCOMES = {"succeed": "ok", "succeed with an answer": "ok", "fail": "error", "cancel": "cancelled", "abandon": "abandoned"}


@pytest.mark.parametrize(("first", "second"), list(itertools.product(ENDS, ENDS)))
async def test_only_the_first_end_counts(first, second, capture, measured):
    class Ended(Parrot):
        async def _inner_get_chat_message_contents(self, chat_history, settings):
            invocation = current()
            ENDS[first](invocation)
            ENDS[second](invocation)
            return []

    with venom_otel.instrument(**{**capture.telemetry, "meter_provider": measured.provider}):
        await consume(Ended(ai_model_id="m", service_id="s"), stream=False)
    [span] = capture.span_dicts()
    assert span["attributes"]["llm.outcome"] == OUTCOMES[first]
    assert span["status"] == ("ERROR" if first == "fail" else "UNSET")
    assert len(span["events"]) == len(capture.logs()) == (first == "fail")
    assert measured()["duration"][1] == 1
