"""The end of a program: everything is delivered where a collector listens, and it is not held up where none does."""

import pytest
from support.otlp_sink import OtlpSink

ALLOWED_S = 2.0
SLACK_S = 3.0  # an interpreter's own end, on a machine with other things to do
AT_ONCE_S = 1.5  # the same, and well below what waiting would take

WORK = """
from venom_otel.instrumentation.sdk import Telemetry
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
end_of_main()
"""


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
        assert ended.exit_s < ALLOWED_S + SLACK_S


def test_much_is_delivered_too(run, sink):
    ended = run(WORK + "work(2000)\nend_of_main()\n", OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert ended.stderr == ""
    assert sorted(int(span.name) for span in sink.spans) == list(range(2000))


def test_nobody_listens(run, bare):
    with OtlpSink("refuse") as sink:
        ended = run(WORK + MAIN, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert (ended.code, ended.lines) == (bare.code, bare.lines)
        ours, theirs = ended.stderr.splitlines()[::-1]
        assert theirs == bare.stderr.strip()
        assert sink.url in ours
        assert "Connection refused" in ours
        assert ended.exit_s - bare.exit_s < AT_ONCE_S, "a refusal is known at once"


def test_the_collector_never_answers(run, bare):
    with OtlpSink("hang") as sink:
        ended = run(WORK + MAIN, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert (ended.code, ended.lines) == (bare.code, bare.lines)
        ours, theirs = ended.stderr.splitlines()[::-1]
        assert theirs == bare.stderr.strip()
        assert "no answer before the program's end" in ours
        assert ended.exit_s - bare.exit_s < ALLOWED_S + SLACK_S


def test_the_collector_has_gone_away(run, bare):
    away = """
from support.otlp_sink import OtlpSink
with OtlpSink() as sink:
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.url
    work()
    assert telemetry.flush(10) and len(sink.spans) == 1
"""
    ended = run(WORK + away + MAIN)
    assert (ended.code, ended.lines) == (bare.code, bare.lines)
    assert len(ended.stderr.splitlines()) == 2
    assert ended.exit_s - bare.exit_s < AT_ONCE_S, "a refusal is known at once"


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("work(); end_of_main(); sys.exit(3)", 3),
        ("work(); end_of_main(); raise KeyError('the application failed')", 1),
        ("import asyncio\nasync def main(): work()\nasyncio.run(main()); end_of_main()", 0),
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
telemetry.before_exit(lambda seconds: (given.append(seconds), print(seconds <= 1.0), span.end()))
end_of_main()
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
        ended = run(WORK + "end_of_main()", OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert (ended.code, ended.stderr) == (0, "")
        assert ended.exit_s < AT_ONCE_S


def test_the_console_is_written_to_where_it_is_asked_for(run, sink):
    ended = run(WORK + MAIN, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_TRACES_EXPORTER="console")
    assert '"name": "0"' in ended.stdout
    assert sink.spans == []
