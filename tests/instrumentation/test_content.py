"""Prompts and answers: recorded only where asked for, in the place asked for; and the cost estimate, only with a price table."""

import contextlib
import json

import pytest
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from support import behaviours
from support.app import MODELS, OLLAMA, OPENAI, flushed, history, service_for, settings_for
from support.dialects import TEXT, WORDS, Answer
from support.drive import Clock

import venom_otel
from venom_otel.errors import SettingsError

VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

SYSTEM = [{"type": "text", "content": "Be brief."}]
INPUT = [{"role": "user", "parts": [{"type": "text", "content": "hello world"}]}]

connectors = pytest.mark.parametrize("connector", [OPENAI, OLLAMA])
streams = pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])


async def ask(connector, servers, capture, *, stream, script=(), tools=False, **arguments):
    """Make one request, or a loop of them, and send all that was recorded."""
    server = servers[connector]
    server.play(*(script or (behaviours.answers(),)))
    async with service_for(connector, server.url, model=MODELS[connector]) as service:
        kernel = Kernel(services=[service])
        kernel.add_plugin(Clock(), "clock")
        settings = settings_for(connector, **({"function_choice_behavior": FunctionChoiceBehavior.Auto()} if tools else {}))
        with venom_otel.instrument(kernel, **capture.telemetry, **arguments) as handle:
            if stream:
                async for _ in service.get_streaming_chat_message_contents(history(), settings, kernel=kernel):
                    pass
            else:
                await service.get_chat_message_contents(history(), settings, kernel=kernel)
            await flushed(handle)


def chats(capture):
    return [span["attributes"] for span in capture.span_dicts() if span["scope"] == "venom_otel"]


def content_of(attributes):
    """The content on a span, unpacked."""
    names = ("gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages")
    return [json.loads(attributes[name]) for name in names if name in attributes]


def output(connector, stream=False):
    """Ollama's connector gives no reason for the end."""
    return [{"role": "assistant", "parts": [{"type": "text", "content": TEXT}], "finish_reason": "length" if connector == OPENAI else ""}]


@pytest.mark.parametrize(("variable", "arguments"), [(None, {}), ("no_content", {}), ("span_and_event", {"capture_content": False})])
@connectors
@streams
async def test_nothing_of_the_words_leaves_unless_asked_for(connector, stream, variable, arguments, servers, capture, monkeypatch, caplog):
    caplog.set_level("DEBUG", "venom_otel")
    if variable:
        monkeypatch.setenv(VARIABLE, variable)
    await ask(connector, servers, capture, stream=stream, **arguments)
    sent = repr(
        (
            capture.span_dicts(),
            capture.metrics(),
            capture.logs(),
            [vars(record) for record in caplog.records if "venom_otel" in record.name],
        )
    )
    assert len(chats(capture)) == 1
    for word in ("hello world", "Be brief", *WORDS):
        assert word not in sent


@pytest.mark.parametrize(
    ("variable", "argument", "on_span", "on_event"),
    [
        ("span_only", None, True, False),
        ("SPAN_ONLY", None, True, False),
        ("true", None, True, False),
        ("event_only", None, False, True),
        ("span_and_event", None, True, True),
        (None, True, True, False),
        (None, "event_only", False, True),
        ("span_only", "event_only", False, True),
    ],
)
@connectors
@streams
async def test_content_goes_where_asked_for(connector, stream, variable, argument, on_span, on_event, servers, capture, monkeypatch):
    if variable:
        monkeypatch.setenv(VARIABLE, variable)
    await ask(connector, servers, capture, stream=stream, capture_content=argument)
    [attributes] = chats(capture)
    assert content_of(attributes) == ([SYSTEM, INPUT, output(connector)] if on_span else [])
    events = [record for record in capture.logs() if record["event_name"] == "gen_ai.client.inference.operation.details"]
    if not on_event:
        assert events == []
        return
    [event] = events
    assert (event["severity"], event["span"]) == ("INFO", 1)
    said = event["attributes"]
    assert said["llm.model"] == MODELS[connector]
    assert plain(said["gen_ai.system_instructions"]) == SYSTEM
    assert plain(said["gen_ai.input.messages"]) == INPUT
    assert plain(said["gen_ai.output.messages"]) == output(connector)


def plain(value):
    """Structured values as the SDK keeps them, tuples and read-only mappings, as lists and dictionaries."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return {key: plain(item) for key, item in value.items()} if hasattr(value, "items") else value


@connectors
@streams
async def test_tool_calls_and_their_results_are_content_too(connector, stream, servers, capture):
    script = (behaviours.answers(Answer(tool="clock-time", finish="tool_calls")), behaviours.answers())
    await ask(connector, servers, capture, stream=stream, script=script, tools=True, capture_content=True)
    first, second = map(content_of, chats(capture))
    [call] = [part for message in first[2] for part in message["parts"] if part["type"] == "tool_call"]
    assert call["name"] == "clock-time"
    parts = [part for message in second[1] for part in message["parts"]]
    [asked] = [part for part in parts if part["type"] == "tool_call"]
    [result] = [part for part in parts if part["type"] == "tool_call_response"]
    assert asked["name"] == "clock-time"
    assert result["response"] == "noon"
    assert second[2] == output(connector)


async def test_content_that_was_asked_for_is_there_after_a_failure(servers, capture):
    await_failure = ask(OPENAI, servers, capture, stream=True, script=(behaviours.breaks(after=3),), capture_content=True)
    with pytest.raises(Exception, match="Connection error"):
        await await_failure
    [attributes] = chats(capture)
    assert content_of(attributes)[1] == INPUT
    assert content_of(attributes)[2][0]["parts"] == [{"type": "text", "content": "".join(WORDS[:2])}]


@pytest.mark.parametrize("arguments", [{"capture_content": "everything"}, {}], ids=["argument", "variable"])
def test_a_mode_that_does_not_exist(arguments, capture, monkeypatch):
    monkeypatch.setenv(VARIABLE, "everything")
    with pytest.raises(SettingsError, match=r"='everything': use one of no_content, span_only, event_only, span_and_event"):
        venom_otel.instrument(**capture.telemetry, **arguments)


@pytest.fixture
def prices(tmp_path, monkeypatch):
    def write(models, currency="EUR"):
        path = tmp_path / "prices.json"
        path.write_text(json.dumps({"currency": currency, "models": models}))
        monkeypatch.setenv("VENOM_OTEL_PRICES", str(path))

    return write


@pytest.mark.parametrize("name", ["gemma-3", "vllm/gemma-3"])
@streams
async def test_the_cost_of_a_request(stream, name, servers, capture, prices):
    prices({name: {"input": 0.5, "output": 2}, "other": {"input": 9, "output": 9}})
    await ask(OPENAI, servers, capture, stream=stream)
    [attributes] = chats(capture)
    assert (attributes["llm.cost"], attributes["llm.cost.currency"]) == (pytest.approx((16 * 0.5 + 8 * 2) / 1e6), "EUR")


@pytest.mark.parametrize("models", [None, {}, {"ollama/gemma-3": {"input": 1, "output": 1}}], ids=["no table", "empty", "another's"])
async def test_no_price_no_cost(models, servers, capture, prices):
    if models is not None:
        prices(models)
    await ask(OPENAI, servers, capture, stream=False)
    assert [name for name in chats(capture)[0] if name.startswith("llm.cost")] == []


async def test_a_model_that_costs_nothing(servers, capture, prices):
    prices({"gemma-3": {"input": 0, "output": 0}})
    await ask(OPENAI, servers, capture, stream=False)
    assert chats(capture)[0]["llm.cost"] == 0


async def test_no_tokens_no_cost(servers, capture, prices):
    prices({"gemma-3": {"input": 1, "output": 1}})
    await ask(OPENAI, servers, capture, stream=True, script=(behaviours.answers(Answer(usage=False)),))
    assert "llm.cost" not in chats(capture)[0]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"currency": "EUR", "models": {"m": {"input": "dear"}}}'])
def test_a_price_table_that_cannot_be_used(text, capture, tmp_path, monkeypatch):
    path = tmp_path / "prices.json"
    path.write_text(text)
    monkeypatch.setenv("VENOM_OTEL_PRICES", str(path))
    with pytest.raises(SettingsError, match="VENOM_OTEL_PRICES="):
        venom_otel.instrument(**capture.telemetry)
    path.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        venom_otel.instrument(**capture.telemetry)
    with contextlib.suppress(KeyError):
        monkeypatch.delenv("VENOM_OTEL_PRICES")
    venom_otel.instrument(**capture.telemetry).uninstrument()
