"""Which providers are used: those given, else the application's, else our own, decided at the first call."""

from support.otlp_sink import OtlpSink

OURS = """
from venom_otel.instrumentation.sdk import Telemetry
"""

APPLICATION = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

kept = InMemorySpanExporter()
application = TracerProvider(shutdown_on_exit=False)
application.add_span_processor(SimpleSpanProcessor(kept))
"""


PREPARED = """
before = logging.Logger.callHandlers, list(logging.root.handlers)
from venom_otel.instrumentation.sdk import Telemetry
telemetry = Telemetry()
assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
assert our_threads() == []
assert (logging.Logger.callHandlers, list(logging.root.handlers)) == before
unhurried(exit_s=FOR_EVER)
telemetry.close()
"""


def test_importing_and_preparing_changes_nothing(run):
    """Nor does the program's end wait for a collector that never answers."""
    with OtlpSink("hang") as sink:
        ended = run(PREPARED, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert (ended.code, ended.stderr, ended.lines) == (0, "", [])


def test_an_application_that_configures_after_instrument_and_before_the_first_call_wins(run, sink):
    ended = run(
        OURS
        + "telemetry = Telemetry()\n"
        + APPLICATION
        + """
trace.set_tracer_provider(application)
providers = telemetry.providers()
assert providers.tracer_provider is application and not providers.owned
assert providers.meter_provider is metrics.get_meter_provider(), "the globals, also where they are not set"
providers.tracer_provider.get_tracer("t").start_span("hello").end()
assert [span.name for span in kept.get_finished_spans()] == ["hello"]
assert telemetry.flush(60) and our_threads() == []
telemetry.close()
providers.tracer_provider.get_tracer("t").start_span("after").end()
assert len(kept.get_finished_spans()) == 2, "what the application made goes on"
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert (ended.code, ended.stderr) == (0, "")
    assert sink.exports == []


def test_one_global_of_the_application_is_enough(run):
    ended = run(
        OURS
        + """
from opentelemetry.sdk.metrics import MeterProvider
metrics.set_meter_provider(MeterProvider(shutdown_on_exit=False))
providers = Telemetry().providers()
assert not providers.owned and our_threads() == []
assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
"""
    )
    assert (ended.code, ended.stderr) == (0, "")


def test_a_given_provider_keeps_our_own_away(run):
    ended = run(
        OURS
        + APPLICATION
        + """
providers = Telemetry(tracer_provider=application).providers()
assert providers.tracer_provider is application and not providers.owned
assert providers.meter_provider is metrics.get_meter_provider()
assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider) and our_threads() == []
"""
    )
    assert (ended.code, ended.stderr) == (0, "")


def test_many_threads_get_one_object(run, sink):
    ended = run(
        OURS
        + """
from concurrent.futures import ThreadPoolExecutor
telemetry, other = Telemetry(), Telemetry()
barrier = threading.Barrier(20)
def first_call(number):
    barrier.wait()
    return (telemetry if number % 2 else other).providers()
with ThreadPoolExecutor(20) as pool:
    found = list(pool.map(first_call, range(20)))
assert {id(providers) for providers in found} == {id(telemetry.providers()), id(other.providers())}
assert telemetry.providers() == other.providers() and telemetry.providers().owned
assert len(our_threads()) == 3, our_threads()
assert trace.get_tracer_provider() is telemetry.providers().tracer_provider
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert (ended.code, ended.stderr) == (0, "")


def test_disabled(run):
    """Nor does the program's end wait for a collector that never answers."""
    with OtlpSink("hang") as sink:
        ended = run(
            OURS
            + """
unhurried(exit_s=FOR_EVER)
telemetry = Telemetry()
providers = telemetry.providers()
assert not providers.owned and our_threads() == []
assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
assert not providers.tracer_provider.get_tracer("t").start_span("nothing").is_recording()
""",
            OTEL_SDK_DISABLED="true",
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        )
        assert (ended.code, ended.stderr) == (0, "")
        assert sink.exports == []


def test_close_detaches_and_a_second_telemetry_works_again(run, sink):
    ended = run(
        OURS
        + """
before = logging.Logger.callHandlers
tracer = trace.get_tracer("library")  # a proxy, as libraries hold them since their import
counter = metrics.get_meter("library").create_counter("calls")
exporters = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")

unhurried()
first = Telemetry()
first.providers()
tracer.start_span("one").end()
counter.add(1)
first.close()
assert our_threads() == [] and exporters.filters == [] and logging.Logger.callHandlers is before
assert not tracer.start_span("between").is_recording()
counter.add(10)

second = Telemetry()
assert second.providers().owned
tracer.start_span("two").end()
counter.add(100)
second.close()
second.close()
tracer.start_span("after").end()
assert our_threads() == [] and exporters.filters == [] and logging.Logger.callHandlers is before
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert (ended.code, ended.stderr) == (0, "")
    assert [span.name for span in sink.spans] == ["one", "two"]
    assert [metric.data.sum.data_points[0].as_int for metric in sink.metrics] == [1, 100]


def test_it_stays_for_whoever_still_uses_it(run, sink):
    ended = run(
        OURS
        + """
unhurried()
first, second = Telemetry(), Telemetry()
first.providers()
tracer = second.providers().tracer_provider.get_tracer("t")
first.close()
tracer.start_span("still here").end()
assert second.flush(60)
second.close()
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert (ended.code, ended.stderr) == (0, "")
    assert [span.name for span in sink.spans] == ["still here"]


def test_a_telemetry_closed_before_its_first_call_sets_nothing_up(run):
    ended = run(
        OURS
        + """
telemetry = Telemetry()
telemetry.close()
assert not telemetry.providers().owned and our_threads() == []
"""
    )
    assert (ended.code, ended.stderr) == (0, "")


def test_a_variable_the_sdk_refuses_is_said_in_one_line_and_calls_go_on(run):
    ended = run(
        OURS
        + """
telemetry = Telemetry()
assert not telemetry.providers().owned and telemetry.providers() is telemetry.providers()
""",
        OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="many",
    )
    assert ended.code == 0
    assert len(ended.stderr.splitlines()) == 1
    assert "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" in ended.stderr


def test_a_configuration_file_is_not_passed_over_in_silence(run):
    ended = run(OURS + "assert not Telemetry().providers().owned\n", OTEL_CONFIG_FILE="otel.yaml")
    assert ended.code == 0
    assert len(ended.stderr.splitlines()) == 1
    assert "OTEL_CONFIG_FILE" in ended.stderr
