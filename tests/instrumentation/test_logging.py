"""Python's log records: those made within a call say which call, others do not; and each finished call makes one of its own."""

import logging
import sys

import pytest
from semantic_kernel import Kernel
from support import behaviours, dialects
from support.app import MODELS, OLLAMA, OPENAI, PROVIDERS, TRACE_ID, flushed, service_for, settings_for, watch
from support.app import history as conversation
from support.custom import Parrot

import venom_otel

FIELDS = ("trace_id", "span_id", "llm_provider", "llm_model", "llm_endpoint")

logger = logging.getLogger("app")

connectors = pytest.mark.parametrize("connector", [OPENAI, OLLAMA])
streams = pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])


class Talkative(Parrot):
    """A service that logs from within its round trip."""

    async def _inner_get_chat_message_contents(self, chat_history, settings):
        logger.warning("inside")
        return await super()._inner_get_chat_message_contents(chat_history, settings)

    async def _inner_get_streaming_chat_message_contents(self, chat_history, settings, function_invoke_attempt=0):
        async for chunk in super()._inner_get_streaming_chat_message_contents(chat_history, settings):
            logger.warning("inside")
            yield chunk


async def use(service, settings, *, stream):
    """Make a request, logging before it, between its chunks, and after."""
    logger.warning("outside")
    if stream:
        async for _ in service.get_streaming_chat_message_contents(conversation(), settings):
            logger.warning("outside")
    else:
        await service.get_chat_message_contents(conversation(), settings)
    logger.warning("outside")


def fields(record):
    return {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}


def said(caplog, words):
    return [fields(record) for record in caplog.records if record.getMessage() == words]


@streams
async def test_records_within_a_call_say_which(stream, capture, caplog):
    service = Talkative(ai_model_id="m", service_id="s")
    with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
        seen = await watch(lambda _: use(service, settings_for(OPENAI), stream=stream))
    assert seen.error == []
    call = {"trace_id": f"{TRACE_ID:032x}", "span_id": f"{1:016x}", "llm_provider": "unknown", "llm_model": "m", "llm_endpoint": None}
    assert said(caplog, "inside") == [call] * (2 if stream else 1)
    assert said(caplog, "outside") == [{}] * (4 if stream else 2)
    caplog.clear()
    await use(service, settings_for(OPENAI), stream=stream)
    assert said(caplog, "inside") == [{}] * (2 if stream else 1), "nothing after the end"


@connectors
async def test_records_of_the_http_client_and_of_semantic_kernel_say_which(connector, servers, capture, caplog):
    caplog.set_level("INFO")
    server = servers[connector]
    server.play(behaviours.answers())
    async with service_for(connector, server.url, model=MODELS[connector]) as service:
        with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry) as handle:
            for _ in range(2):  # at the second call it is known who answers
                caplog.clear()
                await service.get_chat_message_contents(conversation(), settings_for(connector))
                await flushed(handle)
    [record] = [record for record in caplog.records if record.name.startswith("httpx")]
    assert fields(record) == {
        "trace_id": f"{2:032x}",
        "span_id": f"{3:016x}",
        "llm_provider": PROVIDERS[connector],
        "llm_model": MODELS[connector],
        "llm_endpoint": server.url + ("/v1" if connector == OPENAI else ""),
    }


async def test_an_application_that_logs_such_fields_itself_keeps_its_own(capture, caplog):
    class Own(Parrot):
        async def _inner_get_chat_message_contents(self, chat_history, settings):
            logger.warning("inside", extra={"trace_id": "mine", "llm_model": "mine"})
            return []

    service = Own(ai_model_id="m", service_id="s")
    with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
        await service.get_chat_message_contents(conversation(), settings_for(OPENAI))
    [record] = said(caplog, "inside")
    assert (record["trace_id"], record["llm_model"], record["span_id"]) == ("mine", "mine", f"{1:016x}")


async def test_an_application_with_a_record_factory_and_logger_class_of_its_own(capture, caplog):
    class Record(logging.LogRecord):
        """Structured logging's usual way in."""

    class Logger(logging.Logger):
        def makeRecord(self, *args, **kwargs):  # noqa: N802
            record = super().makeRecord(*args, **kwargs)
            record.house_style = True
            return record

    own = Logger("own")
    own.addHandler(caplog.handler)
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Record)
    try:

        class Service(Parrot):
            async def _inner_get_chat_message_contents(self, chat_history, settings):
                own.warning("inside")
                return []

        service = Service(ai_model_id="m", service_id="s")
        with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
            await service.get_chat_message_contents(conversation(), settings_for(OPENAI))
            assert logging.getLogRecordFactory() is Record
        assert logging.getLogRecordFactory() is Record
    finally:
        logging.setLogRecordFactory(before)
    [record] = [record for record in caplog.records if record.name == "own"]
    assert type(record) is Record
    assert record.house_style
    assert fields(record)["llm_model"] == "m"


async def test_a_record_factory_set_while_recording_is_left_alone(capture):
    before = logging.getLogRecordFactory()
    try:
        with venom_otel.instrument(**capture.telemetry):
            logging.setLogRecordFactory(later := lambda *args, **kwargs: before(*args, **kwargs))
        assert logging.getLogRecordFactory() is later
    finally:
        logging.setLogRecordFactory(before)


@connectors
@streams
async def test_one_record_for_each_finished_call(connector, stream, servers, capture, caplog):
    caplog.set_level("INFO", "venom_otel.requests")
    server, model = servers[connector], MODELS[connector]
    server.play(behaviours.answers())
    async with service_for(connector, server.url, model=model) as service:
        with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry) as handle:
            await use(service, settings_for(connector), stream=stream)
            await flushed(handle)
    [record] = [record for record in caplog.records if record.name == "venom_otel.requests"]
    endpoint = server.url + ("/v1" if connector == OPENAI else "")
    assert record.levelname == "INFO"
    assert record.getMessage().startswith(f"{PROVIDERS[connector]} {model} at {endpoint}: ok in ")
    assert record.getMessage().endswith("s, 16 tokens in, 8 out")
    assert fields(record) == {
        "trace_id": f"{1:032x}",
        "span_id": f"{1:016x}",
        "llm_provider": PROVIDERS[connector],
        "llm_model": model,
        "llm_endpoint": endpoint,
    }
    assert (record.llm_outcome, record.llm_error_kind, record.input_tokens, record.output_tokens) == ("ok", None, 16, 8)
    assert record.duration_seconds > 0


@connectors
@streams
async def test_the_record_of_a_failed_call_says_why(connector, stream, servers, capture, caplog):
    caplog.set_level("INFO", "venom_otel.requests")
    server = servers[connector]
    server.play(behaviours.refuses(dialects.MODEL_MISSING))
    async with service_for(connector, server.url, model="no-such-model") as service:
        with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry) as handle:
            seen = await watch(lambda _: use(service, settings_for(connector), stream=stream))
            await flushed(handle)
    assert seen.error
    [record] = [record for record in caplog.records if record.name == "venom_otel.requests"]
    assert record.levelname == "INFO"
    assert f"{PROVIDERS[connector]} no-such-model at {server.url}" in record.getMessage()
    assert ": model_not_found: " in record.getMessage()
    assert "no-such-model" in record.getMessage().partition("model_not_found: ")[2]
    assert (record.llm_outcome, record.llm_error_kind, record.output_tokens) == ("error", "model_not_found", None)


async def test_the_record_can_be_switched_off(capture, caplog, monkeypatch):
    monkeypatch.setenv("VENOM_OTEL_REQUEST_LOG", "false")
    caplog.set_level("INFO", "venom_otel.requests")
    service = Parrot(ai_model_id="m", service_id="s")
    with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
        await service.get_chat_message_contents(conversation(), settings_for(OPENAI))
    assert [record for record in caplog.records if record.name == "venom_otel.requests"] == []
    assert len(capture.spans()) == 1


async def test_a_formatter_that_asks_for_the_fields(capture):
    """The documented use: `%(llm_provider)s` in a format string, with a default for records outside of a call."""
    lines = []

    class Handler(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    handler = Handler()
    handler.setFormatter(logging.Formatter("%(llm_model)s %(trace_id)s %(message)s", defaults={"llm_model": "-", "trace_id": "-"}))
    logger.addHandler(handler)
    service = Talkative(ai_model_id="m", service_id="s")
    try:
        with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
            await use(service, settings_for(OPENAI), stream=False)
    finally:
        logger.removeHandler(handler)
    assert lines == ["- - outside", f"m {1:032x} inside", "- - outside"]


def test_a_record_outside_of_any_call(capture):
    with venom_otel.instrument(**capture.telemetry):
        record = logging.getLogger("anywhere").makeRecord("anywhere", logging.INFO, __file__, 1, "words", (), sys.exc_info())
    assert fields(record) == {}
