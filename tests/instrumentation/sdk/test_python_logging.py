"""Python's log records of a call reach OTLP; what the application prints, and how its logging is set up, stays as it was."""

import logging
import threading

import pytest
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from venom_otel.instrumentation.sdk import pylogs


@pytest.fixture
def kept():
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    original = logging.Logger.callHandlers
    pylogs.install(provider)
    yield exporter
    pylogs.remove()
    assert logging.Logger.callHandlers is original


def of_a_call(**more):
    return {"llm_provider": "vllm", "llm_model": "m", "trace_id": f"{7:032x}", "span_id": f"{8:016x}", **more}


def sent(kept):
    return [data.log_record for data in kept.get_finished_logs()]


def test_records_of_a_call_are_sent_with_its_ids(kept):
    logging.getLogger("shop").warning("%d of %s", 2, "three", extra=of_a_call(basket=3, ratio=0.5, late=True, none=None, thing=object()))
    (record,) = sent(kept)
    assert (record.trace_id, record.span_id, record.trace_flags) == (7, 8, 1)
    assert (record.body, record.severity_text, record.severity_number.name) == ("2 of three", "WARN", "WARN")
    assert dict(record.attributes) == {"llm.provider": "vllm", "llm.model": "m", "basket": 3, "ratio": 0.5, "late": True}
    assert kept.get_finished_logs()[0].instrumentation_scope.name == "shop"


def test_others_are_not_sent(kept):
    logging.getLogger("shop").error("outside of a call")
    assert sent(kept) == []


def test_the_record_of_a_finished_request_is_sent_in_any_case(kept):
    logging.getLogger("venom_otel.requests").warning("who answered")
    assert [record.body for record in sent(kept)] == ["who answered"]


def test_levels_and_filters_of_the_application_hold(kept):
    shop = logging.getLogger("shop.quiet")
    shop.setLevel(logging.ERROR)
    drop = logging.Filter("nobody")
    shop.addFilter(drop)
    try:
        shop.warning("below the level", extra=of_a_call())
        shop.error("filtered", extra=of_a_call())
        shop.removeFilter(drop)
        shop.error("kept", extra=of_a_call())
    finally:
        shop.removeFilter(drop)
        shop.setLevel(logging.NOTSET)
    assert [record.body for record in sent(kept)] == ["kept"]


def test_fields_of_the_applications_own_are_no_ids_of_ours(kept):
    span = trace.NonRecordingSpan(trace.SpanContext(21, 22, is_remote=False, trace_flags=trace.TraceFlags(1)))
    with trace.use_span(span):
        logging.getLogger("shop").warning("mine", extra=of_a_call(trace_id="order-7"))
    (record,) = sent(kept)
    assert (record.trace_id, record.span_id) == (21, 22)


def test_exceptions_are_said_without_their_trace(kept):
    try:
        raise KeyError("https://user:hunter22@host/path?key=1")
    except KeyError:
        logging.getLogger("shop").exception("failed", extra=of_a_call())
    (record,) = sent(kept)
    assert record.attributes["exception.type"] == "KeyError"
    assert "hunter22" not in record.attributes["exception.message"]
    assert "exception.stacktrace" not in record.attributes


def test_keys_are_taken_out_of_every_text(kept):
    key = "sk-abcdefghijklmnopqrstuvwx"
    logging.getLogger("shop").warning("Authorization: Bearer %s", key, extra=of_a_call(header=f"x-api-key: {key}"))
    (record,) = sent(kept)
    assert key not in record.body
    assert key not in record.attributes["header"]


def test_a_record_that_cannot_be_formatted_is_the_applications_affair(kept, monkeypatch):
    monkeypatch.setattr("venom_otel.instrumentation.guard.RAISE", False)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("shop").warning("%d", "no number", extra=of_a_call())
    assert sent(kept) == []


def test_what_is_logged_while_a_record_is_taken_is_not_taken(kept, monkeypatch):
    logger = logging.getLogger("shop")
    original = pylogs._translate

    def talkative(record):
        logger.warning("while at it", extra=of_a_call())
        return original(record)

    monkeypatch.setattr(pylogs, "_translate", talkative)
    logger.warning("first", extra=of_a_call())
    assert [record.body for record in sent(kept)] == ["first"]


def test_threads_do_not_hinder_each_other(kept):
    threads = [threading.Thread(target=logging.getLogger("shop").warning, args=("hello",), kwargs={"extra": of_a_call()}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent(kept)) == 8


def test_somebody_who_wraps_after_us_keeps_working():
    original = logging.Logger.callHandlers
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    seen = []
    pylogs.install(provider)
    ours = logging.Logger.callHandlers

    def theirs(self, record):
        seen.append(record.getMessage())
        ours(self, record)

    try:
        logging.Logger.callHandlers = theirs
        pylogs.remove()
        assert logging.Logger.callHandlers is theirs
        logging.getLogger("shop").warning("after", extra=of_a_call())
        assert seen == ["after"]
        assert exporter.get_finished_logs() == ()
        pylogs.install(provider)
        logging.getLogger("shop").warning("again", extra=of_a_call())
        assert [data.log_record.body for data in exporter.get_finished_logs()] == ["again"]
    finally:
        pylogs.remove()
        logging.Logger.callHandlers = original


FIRST = {
    "nothing set up": "logging.getLogger('shop').warning('by a logger')",
    "set up by the first warning": "logging.warning('by the module')",
}

PRINTS = """
logging.getLogger("shop").info("too low")
logging.basicConfig(level=logging.INFO, format="%(levelname)s:%(message)s")
logging.getLogger("shop").info("after basicConfig")
import logging.config
logging.config.dictConfig({"version": 1, "disable_existing_loggers": False,
    "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}}, "root": {"handlers": ["out"], "level": "INFO"}})
logging.getLogger("shop").info("after dictConfig")
print(logging.root.handlers, logging.root.level)
"""

CALL = """
from venom_otel.instrumentation.sdk import Telemetry
unhurried()
Telemetry().providers()
"""


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_the_application_prints_what_it_printed(run, sink, first):
    bare = run(first + PRINTS)
    ended = run(CALL + first + PRINTS, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert (ended.code, ended.lines, ended.stderr) == (bare.code, bare.lines, bare.stderr)
    assert "by " in bare.stderr
    assert "after dictConfig" in bare.stdout


def test_records_are_still_sent_after_logging_is_set_up_anew(run, sink):
    ended = run(
        CALL + PRINTS + "logging.getLogger('shop').info('of a call', extra={'llm_provider': 'vllm'})\n",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert ended.code == 0
    assert [record.body.string_value for record in sink.logs] == ["of a call"]
