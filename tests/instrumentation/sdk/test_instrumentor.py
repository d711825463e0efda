"""The standard instrumentor, called by hand; `test_application.py` runs the command that finds it."""

from importlib.metadata import entry_points

import pytest
from semantic_kernel.contents import ChatHistory
from support.custom import Parrot

import venom_otel
from venom_otel.instrumentation.instrumentor import VenomInstrumentor


@pytest.fixture
def instrumentor():
    instrumentor = VenomInstrumentor()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


async def ask():
    service = Parrot(ai_model_id="m")
    history = ChatHistory()
    history.add_user_message("hello")
    return await service.get_chat_message_contents(history, service.instantiate_prompt_execution_settings())


def test_it_is_found_by_its_entry_point(instrumentor):
    (entry_point,) = entry_points(group="opentelemetry_instrumentor", name="venom_otel")
    assert entry_point.load()() is instrumentor
    assert instrumentor.instrumentation_dependencies() == ("semantic-kernel >= 1.45",)


async def test_it_records_until_it_is_undone(instrumentor, capture):
    instrumentor.instrument(**capture.telemetry)
    assert str((await ask())[0]) == "hello"
    instrumentor.uninstrument()
    await ask()
    assert [span.name for span in capture.spans()] == ["chat m"]


async def test_again_after_it_was_undone(instrumentor, capture):
    for _ in range(2):
        instrumentor.instrument(**capture.telemetry)
        await ask()
        instrumentor.uninstrument()
    assert [span.name for span in capture.spans()] == ["chat m", "chat m"]


async def test_an_application_that_instruments_as_well_is_recorded_once(instrumentor, capture):
    instrumentor.instrument(**capture.telemetry)
    with venom_otel.instrument(**capture.telemetry):
        await ask()
    assert [span.name for span in capture.spans()] == ["chat m"]


def test_undone_before_semantic_kernel_is_imported_it_stays_undone(run):
    ended = run(
        """
        from venom_otel.instrumentation.instrumentor import VenomInstrumentor
        VenomInstrumentor().instrument()
        VenomInstrumentor().uninstrument()
        import semantic_kernel
        from venom_otel import instrumentation
        print(instrumentation._shared)
        """
    )
    assert (ended.code, ended.stderr, ended.lines) == (0, "", ["{}"])


def test_a_setting_that_cannot_be_used_does_not_fail_the_applications_import(run):
    ended = run(
        """
        from venom_otel.instrumentation.instrumentor import VenomInstrumentor
        VenomInstrumentor().instrument()
        import semantic_kernel
        VenomInstrumentor().uninstrument()
        print("went on")
        """,
        VENOM_OTEL_RECORD_STACKTRACE="perhaps",
    )
    assert (ended.code, ended.lines) == (0, ["went on"])
    (line,) = ended.stderr.splitlines()
    assert "VENOM_OTEL_RECORD_STACKTRACE" in line
