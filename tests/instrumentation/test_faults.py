"""The application never suffers: whatever of ours raises or hangs, it sees what it would see without us.

Every function that a call runs through is made to raise in turn, found by watching a call. What is left out are the guards
themselves, the few functions whose whole business is to catch what those below them raise.
"""

import asyncio
import contextlib
import gc
import json
import logging
import threading
import time

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import LogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from semantic_kernel import Kernel
from support import behaviours, dialects, drive, personas
from support.app import MODELS, OLLAMA, OPENAI, flushed, service_for, watch
from support.chat_server import WAIT_S, ChatServer
from support.custom import Parrot
from support.drive import Target
from support.faults import GUARDS, WORDS, broken, name_of, reached

import venom_otel
from venom_otel.identity import asking, background
from venom_otel.identity.resolver import HttpResolver
from venom_otel.instrumentation import guard
from venom_otel.testing import Capture

pytestmark = pytest.mark.usefixtures("in_production")

STORIES = {
    "ok": (drive.plain, behaviours.answers()),
    "refused": (drive.plain, behaviours.refuses(dialects.MODEL_MISSING)),
    "broken": (drive.plain, behaviours.breaks()),
    "left": (drive.aclose, behaviours.hangs(after=2)),
    "cancelled": (drive.cancelled, behaviours.hangs(after=2)),
}
POSSIBLE = [(story, stream) for story in STORIES for stream in (False, True) if stream or story != "left"]

stories = pytest.mark.parametrize(
    ("story", "stream"), POSSIBLE, ids=[f"{story}-{'stream' if stream else 'call'}" for story, stream in POSSIBLE]
)
connectors = pytest.mark.parametrize("connector", [OPENAI, OLLAMA])


@pytest.fixture
def everything_on(monkeypatch, tmp_path):
    """All that settings can switch on, so that every function has its part in a call."""
    prices = tmp_path / "prices.json"
    prices.write_text(
        json.dumps({"currency": "EUR", "models": {"gemma-3": {"input": 1, "output": 1}, "gemma3:tiny": {"input": 1, "output": 1}}})
    )
    monkeypatch.setenv("VENOM_OTEL_PRICES", str(prices))
    monkeypatch.setenv("VENOM_OTEL_RECORD_STACKTRACE", "true")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_and_event")


@contextlib.asynccontextmanager
async def target_of(connector, server, *, stream):
    async with service_for(connector, server.url, model=MODELS[connector]) as service:
        yield Target(connector, service, Kernel(services=[service]), server, stream)


async def run(story, target):
    act, behaviour = STORIES[story]
    target.server.play(behaviour)
    seen = await watch(lambda seen: act(target, seen))
    seen.received(target.server.requests)
    return seen


@connectors
@stories
async def test_any_function_of_a_call_may_raise(connector, story, stream, servers, everything_on, caplog):
    server = servers[connector]
    async with target_of(connector, server, stream=stream) as target:
        bare = await run(story, target)
    gc.collect()
    capture = Capture()
    async with target_of(connector, server, stream=stream) as target:
        with venom_otel.instrument(target.kernel, **capture.telemetry) as handle:
            await run(story, target)
            await flushed(handle)  # from now on it is known who answers, and calls are recorded on their own path
            with reached() as functions:
                assert await run(story, target) == bare
            functions = [function for function in functions if name_of(function) not in GUARDS]
            hit, suffered, silent = [], [], []
            for function in functions:
                caplog.clear()
                guard._last_report.clear()
                background._last_report.clear()
                with broken(function) as raised:
                    seen = await run(story, target)
                if not raised:
                    continue  # called at first only, as for what is remembered
                hit.append(name_of(function))
                if seen != bare:
                    suffered.append(name_of(function))
                if not any(
                    record.exc_info and WORDS in str(record.exc_info[1]) for record in caplog.records if record.name == "venom_otel"
                ):
                    silent.append(name_of(function))
            assert len(hit) > 20, "the faults are not met"
            assert suffered == []
            assert silent == [], "each fault is reported"
            recorded = len(capture.spans())
            assert await run(story, target) == bare
            await flushed(handle)
            assert len(capture.spans()) > recorded, "after the faults it goes on"
    capture.close()


async def test_a_fault_is_reported_once_a_minute(capture, caplog, monkeypatch):
    from venom_otel.instrumentation.recorder import Recorder

    def fault(*args):
        raise RuntimeError(WORDS)

    service = Parrot(ai_model_id="m", service_id="s")
    monkeypatch.setattr(Recorder, "_start", fault)
    with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
        for _ in range(5):
            await service.get_chat_message_contents(drive.history(), drive.settings_for(OPENAI))
        assert [record.levelname for record in caplog.records if record.name == "venom_otel"] == ["WARNING"]
        monkeypatch.setattr(guard, "_last_report", {doing: at - 60 for doing, at in guard._last_report.items()})
        await service.get_chat_message_contents(drive.history(), drive.settings_for(OPENAI))
    assert len([record for record in caplog.records if record.name == "venom_otel"]) == 2


async def test_faults_where_classes_and_kernels_are_made(capture, monkeypatch, caplog):
    from venom_otel.instrumentation.semantic_kernel import hooks

    def fault(*args):
        raise RuntimeError(WORDS)

    kernel = Kernel(services=[Parrot(ai_model_id="m", service_id="s")])
    with venom_otel.instrument(kernel, **capture.telemetry):
        monkeypatch.setattr(hooks, "_patch_class", fault)
        monkeypatch.setattr(hooks.scopes, "cloned", fault)

        class New(Parrot):
            """A class made while everything is broken."""

        clone = kernel.clone()
        assert list(clone.services) == ["s"]
        [answer] = await New(ai_model_id="m", service_id="s").get_chat_message_contents(drive.history(), drive.settings_for(OPENAI))
        assert answer.content == "hello world"
    assert len([record for record in caplog.records if record.name == "venom_otel"]) == 2


class Provider:
    """A tracer, meter or logger provider for our scope whose things raise when `method` of them is called."""

    def __init__(self, provider, method):
        self._provider = provider
        self._method = method

    def __getattr__(self, name):
        value = getattr(self._provider, name)
        if not name.startswith("get_"):
            return value
        return lambda scope, *args, **kwargs: Thing(value(scope, *args, **kwargs), self._method if scope == "venom_otel" else None)


class Thing:
    def __init__(self, thing, method):
        self._thing = thing
        self._method = method

    def __getattr__(self, name):
        if name == self._method:
            return self._fail
        value = getattr(self._thing, name)
        if name.startswith(("start_", "create_")) and self._method is not None:
            return lambda *args, **kwargs: Thing(value(*args, **kwargs), self._method)
        return value

    @staticmethod
    def _fail(*args, **kwargs):
        raise RuntimeError(WORDS)


@stories
@pytest.mark.parametrize(
    ("signal", "method"),
    [
        ("tracer_provider", "start_span"),
        ("tracer_provider", "set_attributes"),
        ("tracer_provider", "is_recording"),
        ("tracer_provider", "get_span_context"),
        ("tracer_provider", "end"),
        ("meter_provider", "create_histogram"),
        ("meter_provider", "record"),
        ("logger_provider", "emit"),
    ],
)
async def test_a_provider_that_raises(story, stream, signal, method, servers, capture, everything_on):
    server = servers[OPENAI]
    async with target_of(OPENAI, server, stream=stream) as target:
        bare = await run(story, target)
    gc.collect()
    telemetry = {**capture.telemetry, signal: Provider(getattr(capture, signal), method)}
    async with target_of(OPENAI, server, stream=stream) as target:
        with venom_otel.instrument(target.kernel, **telemetry):
            assert [await run(story, target), await run(story, target)] == [bare, bare]


class Exporter(SpanExporter, LogRecordExporter):
    """One that raises, or hangs until it is told to go on."""

    def __init__(self, hang=None):
        self.entered = threading.Event()
        self._hang = hang

    def export(self, batch):
        self.entered.set()
        if self._hang is None:
            raise RuntimeError(WORDS)
        self._hang.wait(WAIT_S)
        return SpanExportResult.SUCCESS

    def shutdown(self):
        pass

    def force_flush(self, timeout_millis=30000):
        return True


@stories
async def test_exporters_that_raise(story, stream, servers, capture):
    server = servers[OPENAI]
    async with target_of(OPENAI, server, stream=stream) as target:
        bare = await run(story, target)
    gc.collect()
    tracer_provider, logger_provider = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    spans, logs = Exporter(), Exporter()
    tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    logger_provider.add_log_record_processor(SimpleLogRecordProcessor(logs))
    async with target_of(OPENAI, server, stream=stream) as target:
        telemetry = {**capture.telemetry, "tracer_provider": tracer_provider, "logger_provider": logger_provider}
        with venom_otel.instrument(target.kernel, **telemetry) as handle:
            assert [await run(story, target), await run(story, target)] == [bare, bare]
            await flushed(handle)
    assert spans.entered.is_set()
    assert logs.entered.is_set() == (story in {"refused", "broken"})


@stories
async def test_an_exporter_that_hangs(story, stream, servers, capture):
    """It hangs for as long as the application works, so that nothing of the application's can have waited for it."""
    server = servers[OPENAI]
    async with target_of(OPENAI, server, stream=stream) as target:
        bare = await run(story, target)
    gc.collect()
    release = threading.Event()
    exporter = Exporter(release)
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=4, max_export_batch_size=1, schedule_delay_millis=1))
    try:
        async with target_of(OPENAI, server, stream=stream) as target:
            with venom_otel.instrument(target.kernel, **{**capture.telemetry, "tracer_provider": tracer_provider}) as handle:
                for _ in range(4):
                    assert await run(story, target) == bare
                assert handle.flush(0.01) in {True, False}
            assert await asyncio.to_thread(exporter.entered.wait, WAIT_S)
            assert not release.is_set()
    finally:
        release.set()
        tracer_provider.shutdown()


@connectors
@stories
async def test_an_identity_probe_that_hangs(connector, story, stream, capture):
    """The server answers chats but no question about itself; the span is finished without the answer."""
    with ChatServer(lambda path: None) as server:
        async with target_of(connector, server, stream=stream) as target:
            bare = await run(story, target)
        gc.collect()
        async with target_of(connector, server, stream=stream) as target:
            with venom_otel.instrument(target.kernel, **capture.telemetry):
                assert await run(story, target) == bare
        # Ending the recording ends the waiting. What is known then is the reply's own mark alone: vLLM signs its whole answers.
        [chat] = [span for span in capture.span_dicts() if span["scope"] == "venom_otel"]
        signed = connector == OPENAI and story == "ok"
        known = ("vllm", "server") if signed else ("unknown", "unknown")
        assert (chat["attributes"]["llm.provider"], chat["attributes"]["llm.identity.source"]) == known


async def test_a_span_that_waits_for_an_identity_ends_by_itself(capture, monkeypatch):
    """The server would be waited for until after the test's own time is over."""
    monkeypatch.setattr(asking, "LIMIT_S", 10 * WAIT_S)
    monkeypatch.setitem(HttpResolver.__init__.__kwdefaults__, "guess_after_s", 1.0)
    with ChatServer(lambda path: None) as server:
        async with target_of(OPENAI, server, stream=False) as target:
            with venom_otel.instrument(target.kernel, **capture.telemetry):
                await run("ok", target)
                answered_ns = time.time_ns()
                await asyncio.to_thread(capture.wait_for_spans, 2, WAIT_S)
                chat = next(span for span in capture.spans() if span.name != "POST")
                assert chat.end_time < answered_ns + 0.5e9, "its end is the call's, not the waiting's"


@pytest.mark.parametrize(
    "persona", [lambda path: (500, "text/html", b"oops"), lambda path: (200, "application/json", b"{"), personas.nobody]
)
async def test_an_identity_probe_that_gets_nonsense(persona, capture):
    with ChatServer(persona) as server:
        async with target_of(OLLAMA, server, stream=False) as target:
            bare = await run("ok", target)
            with venom_otel.instrument(target.kernel, **capture.telemetry) as handle:
                assert await run("ok", target) == bare
                await flushed(handle)
    [chat] = [span for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    assert chat["attributes"]["llm.provider"] == "unknown"


async def test_log_handlers_that_raise(servers, capture, caplog):
    """A handler that raises makes fail who logs; the application did not ask for our records."""

    class Handler(logging.Handler):
        def handle(self, record):
            raise RuntimeError(WORDS)

    logger, handler = logging.getLogger("venom_otel"), Handler()
    caplog.set_level("INFO", "venom_otel")
    async with target_of(OPENAI, servers[OPENAI], stream=False) as target:
        bare = await run("ok", target)
        with venom_otel.instrument(target.kernel, **capture.telemetry) as handle:
            await run("ok", target)
            await flushed(handle)
            logger.addHandler(handler)
            try:
                assert [await run("ok", target), await run("ok", target)] == [bare, bare]
            finally:
                logger.removeHandler(handler)


@stories
async def test_nothing_is_recorded_where_sampling_says_so(story, stream, servers, capture):
    server = servers[OPENAI]
    async with target_of(OPENAI, server, stream=stream) as target:
        bare = await run(story, target)
    gc.collect()
    provider = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False)
    async with target_of(OPENAI, server, stream=stream) as target:
        with venom_otel.instrument(target.kernel, **{**capture.telemetry, "tracer_provider": provider}) as handle:
            assert await run(story, target) == bare
            await flushed(handle)
    [point] = capture.metrics()["gen_ai.client.operation.duration"]["points"]
    assert point["count"] == 1, "rates come from metrics"
