"""The end of a program: everything is delivered where a collector listens, and it is not held up where none does."""

import pytest
from support.otlp_sink import OtlpSink

from venom_otel.instrumentation.sdk import telemetry

WORK = """
from venom_otel.instrumentation.sdk import Telemetry
unhurried()
telemetry = Telemetry()

def work(count=1):
    providers = telemetry.providers()
    tracer = providers.tracer_provider.get_tracer("t")
    for number in range(count):
        tracer.start_span(str(number)).end()
    providers.meter_provider.get_meter("m").create_counter("calls").add(count)
"""

BARE = """
def work(count=1):
    pass
"""

MAIN = """
work()
print("result")
logging.warning("something of the application's own")
"""

ENDS_AT_ONCE = "unhurried(exit_s=FOR_EVER)\n"
"""It would wait until after the test's own time is over."""


@pytest.fixture
def bare(run):
    return run(BARE + MAIN)


@pytest.mark.parametrize("mode", ["ok", "slow", "busy"])
def test_everything_is_delivered_where_a_collector_listens(run, bare, mode):
    with OtlpSink(mode) as sink:
        ended = run(WORK + MAIN, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert (ended.code, ended.lines, ended.stderr) == (bare.code, bare.lines, bare.stderr)
        assert [span.name for span in sink.spans] == ["0"]
        assert [metric.name for metric in sink.metrics] == ["calls"]
        assert sink.spans[0].resource["service.name"] == "shop"


def test_much_is_delivered_too(run, sink):
    ended = run(WORK + "work(2000)\n", OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert ended.stderr == ""
    assert sorted(int(span.name) for span in sink.spans) == list(range(2000))


def said_by_us(ended, bare):
    """The one line beside the application's own; which comes first, nobody can say."""
    lines = ended.stderr.splitlines()
    lines.remove(bare.stderr.strip())
    [ours] = lines
    return ours


def test_nobody_listens(run, bare):
    """A refusal is known at once."""
    with OtlpSink("refuse") as sink:
        ended = run(WORK + ENDS_AT_ONCE + MAIN, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert (ended.code, ended.lines) == (bare.code, bare.lines)
        ours = said_by_us(ended, bare)
        assert sink.url in ours
        assert "Connection refused" in ours


def test_the_collector_never_answers(run, bare):
    """The export itself would be waited for until after the test's own time is over."""
    with OtlpSink("hang") as sink:
        limit = "unhurried(exit_s=1.0)\n"
        ended = run(WORK + limit + MAIN, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_EXPORTER_OTLP_TIMEOUT="3600")
        assert (ended.code, ended.lines) == (bare.code, bare.lines)
        assert "no answer before the program's end" in said_by_us(ended, bare)


def test_the_end_is_delayed_by_two_seconds_at_most():
    assert telemetry.EXIT_TIMEOUT_S == 2.0


def test_the_collector_has_gone_away(run, bare):
    away = """
from support.otlp_sink import OtlpSink
with OtlpSink() as sink:
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.url
    work()
    assert telemetry.flush(60) and len(sink.spans) == 1
"""
    ended = run(WORK + away + ENDS_AT_ONCE + MAIN)
    assert (ended.code, ended.lines) == (bare.code, bare.lines)
    assert said_by_us(ended, bare)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("work(); sys.exit(3)", 3),
        ("work(); raise KeyError('the application failed')", 1),
        ("import asyncio\nasync def main(): work()\nasyncio.run(main())", 0),
        ("threading.Thread(target=lambda: (threading.main_thread().join(), work())).start()", 0),
        ("import atexit; telemetry.providers(); atexit.register(work)", 0),
    ],
    ids=["sys.exit", "exception", "asyncio", "a thread that outlives main", "a call at exit"],
)
def test_ways_to_end(run, sink, ending, code):
    ended = run(WORK + ending, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert ended.code == code
    assert [span.name for span in sink.spans] == ["0"]


def test_what_is_still_open_is_completed_first(run, sink):
    ended = run(
        WORK
        + """
providers = telemetry.providers()
span = providers.tracer_provider.get_tracer("t").start_span("waited for an identity")
given = []
telemetry.before_exit(lambda seconds: (given.append(seconds), say(0 < seconds <= 30.0), span.end()))
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert (ended.stderr, ended.lines) == ("", ["True"])
    assert [span.name for span in sink.spans] == ["waited for an identity"]


def test_what_is_still_open_is_completed_before_the_applications_providers_end(run):
    ended = run(
        """
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
        from venom_otel.instrumentation.sdk import Telemetry
        unhurried()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=lambda span: f"exported {span.name}\\n")))
        trace.set_tracer_provider(provider)
        telemetry = Telemetry()
        span = telemetry.providers().tracer_provider.get_tracer("t").start_span("late")
        telemetry.before_exit(lambda seconds: span.end())
        """
    )
    assert (ended.code, ended.stderr, ended.lines) == (0, "", ["exported late"])


def test_a_program_that_makes_no_call_notices_nothing(run):
    with OtlpSink("hang") as sink:
        ended = run(WORK + ENDS_AT_ONCE, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert (ended.code, ended.stderr) == (0, "")
        assert sink.exports == []


def test_the_console_is_written_to_where_it_is_asked_for(run, sink):
    ended = run(WORK + MAIN, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_TRACES_EXPORTER="console")
    assert '"name": "0"' in ended.stdout
    assert sink.spans == []
