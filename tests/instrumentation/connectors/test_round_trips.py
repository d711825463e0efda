"""Each connector on its vendor's real client: what the application gets equals the bare run, and the whole span says what happened.

The bytes come from `support.vendors`, in the place of the network. The grpc one is apart, as importing its package takes ten seconds.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from support.vendors import anthropic, azure_inference, bedrock, google, mistral, ollama, openai
from support.vendors.trip import both, drive, expected, http_children, span
from support.vendors.wire import Wire

from venom_otel.instrumentation.failures import true_cause
from venom_otel.testing import ELAPSED

if TYPE_CHECKING:
    from support.vendors.wire import Bed

    from venom_otel.testing import Capture

BEDS = [
    openai.OPENAI,
    openai.AZURE,
    openai.NVIDIA,
    ollama.OLLAMA,
    anthropic.ANTHROPIC,
    mistral.MISTRAL,
    google.GOOGLE,
    google.VERTEX,
    bedrock.BEDROCK,
    azure_inference.AZURE_INFERENCE,
]


each = pytest.mark.parametrize("bed", BEDS, ids=lambda bed: bed.name)
each_that_streams = pytest.mark.parametrize("bed", [bed for bed in BEDS if bed.streams], ids=lambda bed: bed.name)
each_error = pytest.mark.parametrize(("bed", "key"), [pytest.param(bed, key, id=f"{bed.name}-{key}") for bed in BEDS for key in bed.errors])


@each
async def test_call(bed: Bed, capture: Capture) -> None:
    got, error = await both(bed, bed.call, stream=False, capture=capture, **bed.settings)
    assert error is None
    assert [text for _, _, text, _ in got[0]] == ["Hello there."]
    assert span(capture) == expected(bed, {**bed.asked, **bed.answered, "llm.outcome": "ok"})
    assert http_children(capture) == (["POST"] if bed.http_span else [])


@each_that_streams
async def test_stream(bed: Bed, capture: Capture) -> None:
    got, error = await both(bed, bed.stream, stream=True, capture=capture, **bed.settings)
    assert error is None
    assert "".join(text for contents in got for _, _, text, _ in contents) == "Hello there."
    first = {"gen_ai.response.time_to_first_chunk": ELAPSED}
    assert span(capture) == expected(bed, {**bed.asked, **bed.streamed, **first, "llm.outcome": "ok"}, stream=True)
    assert http_children(capture) == (["POST"] if bed.http_span else [])


async def test_a_nvidia_stream_fails_in_semantic_kernel(capture: Capture) -> None:
    """It asserts an `AsyncGenerator` where the openai package gives an `AsyncStream`."""
    bed = openai.NVIDIA
    got, error = await both(bed, bed.stream, stream=True, capture=capture, **bed.settings)
    assert (got, type(error)) == ([], AssertionError)
    failed = {"llm.outcome": "error", "error.type": "AssertionError"}
    events = [{"name": "exception", "attributes": {"exception.type": "AssertionError", "exception.message": ""}}]
    assert span(capture) == expected(bed, {**bed.asked, **failed}, stream=True, status="ERROR", description="", events=events)


async def test_a_mistral_stream_is_empty_in_semantic_kernel(capture: Capture) -> None:
    """It looks for an `AsyncGenerator` where the mistralai package gives an `EventStreamAsync`, and passes over everything."""
    bed = mistral.MISTRAL
    got, error = await both(bed, bed.stream, stream=True, capture=capture, **bed.settings)
    assert (got, error) == ([], None)
    assert span(capture) == expected(bed, {**bed.asked, "llm.outcome": "ok"}, stream=True)


@each_error
async def test_refusal(bed: Bed, key: str, capture: Capture) -> None:
    got, error = await both(bed, bed.errors[key], stream=False, capture=capture)
    assert got == []
    assert error is not None
    assert span(capture) == failed_span(bed, key, error, span(capture), stream=False)


@each_error
async def test_refusal_of_a_stream(bed: Bed, key: str, capture: Capture) -> None:
    got, error = await both(bed, bed.errors[key], stream=True, capture=capture)
    assert got == []
    assert error is not None
    assert span(capture) == failed_span(bed, key, error, span(capture), stream=True)


def failed_span(bed: Bed, key: str, error: BaseException, found: dict[str, Any], *, stream: bool) -> dict[str, Any]:
    """A whole failed span; its message is the cause's own, without the key of the bed."""
    cause = true_cause(error)
    error_type, kind = bed.refused[key]
    description = found["description"]
    assert description
    assert "-bed" not in description
    module = type(cause).__module__
    exception = {"exception.type": f"{module}.{type(cause).__qualname__}", "exception.message": description}
    attributes = {
        **unset(bed),
        "llm.outcome": "error",
        "error.type": error_type,
        "llm.error.kind": kind,
        "http.response.status_code": bed.errors[key].status,
    }
    events = [{"name": "exception", "attributes": exception}]
    return expected(bed, attributes, stream=stream, status="ERROR", description=description, events=events)


def unset(bed: Bed) -> dict[str, Any]:
    """What a connector asks for by itself."""
    return {"gen_ai.request.max_tokens": 1024} if bed is anthropic.ANTHROPIC else {}


@each
@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
async def test_the_model_of_the_settings(bed: Bed, stream: bool, capture: Capture) -> None:
    """Some connectors send the settings' model, some their own: the span says what was sent."""
    wire = Wire(bed.stream if stream else bed.call)
    await drive(bed, wire, stream=stream, capture=capture, ai_model_id="another")
    model = bed.model_sent(wire.sent[0])
    assert model == ("another" if bed.overridable else bed.model)
    found = span(capture)
    assert found["name"] == f"chat {model}"
    assert {found["attributes"][name] for name in ("gen_ai.request.model", "llm.model", "llm.model_name")} == {model}


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
async def test_several_choices(stream: bool, capture: Capture) -> None:
    head = openai.head("m", "chat.completion.chunk" if stream else "chat.completion")
    if stream:
        chunks = [[openai.delta(1, content="b")], [openai.delta(0, content="a")], [openai.delta(1, "length")], [openai.delta(0, "stop")]]
        answer = openai.Answer(
            openai.sse(*({**head, "choices": choices} for choices in chunks), {**head, "choices": [], "usage": openai.USAGE}),
            content_type="text/event-stream",
        )
    else:
        answer = openai.Answer(
            openai.text({**head, "choices": [openai.choice(0, "a"), openai.choice(1, "b", "length")], "usage": openai.USAGE})
        )
    _, error = await both(openai.OPENAI, answer, stream=stream, capture=capture, number_of_responses=2)
    assert error is None
    attributes = span(capture)["attributes"]
    assert attributes["gen_ai.request.choice.count"] == 2
    assert attributes["gen_ai.response.finish_reasons"] == ("stop", "length")
    assert attributes["gen_ai.usage.output_tokens"] == 7


async def test_the_deployment_in_an_azure_url_answers_whatever_the_settings_say(capture: Capture) -> None:
    wire = Wire(openai.AZURE.call)
    await drive(openai.AZURE, wire, stream=False, capture=capture, ai_model_id="another")
    assert wire.sent[0].body["model"] == "another"  # Azure does not look at it
    assert span(capture)["attributes"]["llm.model"] == "my-deployment"


@each
async def test_metrics_carry_the_same_names(bed: Bed, capture: Capture) -> None:
    _, error = await drive(bed, Wire(bed.call), stream=False, capture=capture)
    assert error is None
    metrics = capture.metrics()
    [duration] = metrics["gen_ai.client.operation.duration"]["points"]
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": bed.provider,
        "llm.provider": bed.provider,
        "gen_ai.request.model": bed.model,
        "llm.model": bed.model,
        "llm.endpoint": bed.endpoint,
        "server.address": bed.address,
        "server.port": bed.port,
    }
    if "gen_ai.response.model" in bed.answered:
        attributes["gen_ai.response.model"] = bed.answered["gen_ai.response.model"]
    ending = {"llm.outcome": "ok"}
    if "llm.cold_start" in bed.answered:
        ending["llm.cold_start"] = bed.answered["llm.cold_start"]
    assert duration["attributes"] == attributes | ending
    tokens = {point["attributes"]["gen_ai.token.type"]: point["sum"] for point in metrics["gen_ai.client.token.usage"]["points"]}
    assert tokens == {"input": bed.answered["gen_ai.usage.input_tokens"], "output": bed.answered["gen_ai.usage.output_tokens"]}


@each_that_streams
async def test_a_stream_left_early(bed: Bed, capture: Capture) -> None:
    got, error = await both(bed, bed.stream, stream=True, capture=capture, leave_after=1)
    assert (len(got), error) == (1, None)
    found = span(capture)
    assert (found["status"], found["attributes"]["llm.outcome"]) == ("UNSET", "abandoned")
    assert found["attributes"]["llm.provider"] == bed.provider
    known_at_once = {"gen_ai.response.id", "gen_ai.response.model"} & set(bed.streamed)
    assert {name: found["attributes"][name] for name in known_at_once} == {name: bed.streamed[name] for name in known_at_once}


OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
TOO_MANY = bedrock.frames(("throttlingException", {"message": "Too many tokens, please wait before trying again."}), kind="exception")


@pytest.mark.parametrize(
    ("bed", "broken", "error_type", "kind"),
    [
        pytest.param(
            anthropic.ANTHROPIC,
            anthropic.ANTHROPIC.stream.body.partition(b"event: content_block_stop")[0] + anthropic.events(OVERLOADED),
            "anthropic.APIStatusError",
            "overloaded",
            id="anthropic",
        ),
        pytest.param(
            bedrock.BEDROCK,
            bedrock.frames(*bedrock.PIECES[:3]) + TOO_MANY,
            "botocore.exceptions.EventStreamError",
            "rate_limited",
            id="bedrock",
        ),
    ],
)
async def test_an_error_inside_a_stream(bed: Bed, broken: bytes, error_type: str, kind: str, capture: Capture) -> None:
    answer = dataclasses.replace(bed.stream, body=broken)
    got, error = await both(bed, answer, stream=True, capture=capture)
    assert "".join(text for contents in got for _, _, text, _ in contents) == "Hello there."
    assert error is not None
    found = span(capture)
    assert found["status"] == "ERROR"
    assert found["attributes"]["llm.outcome"] == "error"
    assert (found["attributes"]["error.type"], found["attributes"]["llm.error.kind"]) == (error_type, kind)
