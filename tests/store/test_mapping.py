"""Which spans are requests, and what they say, as the store gives them back."""

import pytest
from support.otlp import CLIENT, INTERNAL, SERVER, chat, span, traces
from support.patience import WAIT_S

from venom_otel.store.protocol import RequestFilter, RequestStatus, Signal

OURS = {"llm.provider": "vllm"}
FOREIGN = {"gen_ai.provider.name": "openai", "gen_ai.operation.name": "chat"}


async def stored(store, *spans, service="chat-api"):
    store.write(Signal.TRACES, traces(*spans, service=service)).result(WAIT_S)
    return await store.requests(RequestFilter(after=0), 500)


@pytest.mark.parametrize(
    ("attributes", "kind", "listed"),
    [
        (OURS, CLIENT, True),
        (OURS, INTERNAL, True),  # a model inside the process
        (OURS, SERVER, False),
        (FOREIGN, CLIENT, True),
        (FOREIGN, INTERNAL, True),
        (FOREIGN | {"gen_ai.operation.name": "text_completion"}, CLIENT, True),
        (FOREIGN | {"gen_ai.operation.name": "generate_content"}, CLIENT, True),
        (FOREIGN | {"gen_ai.operation.name": "invoke_agent"}, INTERNAL, False),
        (FOREIGN | {"gen_ai.operation.name": "execute_tool"}, INTERNAL, False),
        ({"gen_ai.provider.name": "openai"}, CLIENT, False),
        ({"gen_ai.operation.name": "chat"}, CLIENT, False),
        ({"gen_ai.system": "openai", "gen_ai.operation.name": "chat"}, INTERNAL, False),  # Semantic Kernel's own, around ours
        ({"llm.provider": ""}, CLIENT, False),
        ({"http.request.method": "POST"}, CLIENT, False),
        ({}, CLIENT, False),
    ],
)
async def test_only_requests_to_models_are_listed_and_every_span_is_kept(store, attributes, kind, listed):
    sent = span(attributes, kind=kind)
    assert [item.span_id for item in await stored(store, sent)] == ([sent.span_id.hex()] if listed else [])
    assert [kept.span_id for kept in await store.trace(sent.trace_id.hex())] == [sent.span_id.hex()]


async def test_a_request_of_ours(store):
    said = {
        "llm.provider": "ollama", "gen_ai.provider.name": "ollama", "gen_ai.operation.name": "chat",
        "llm.model": "llama3.1:8b", "llm.model_name": "llama3.1:8b", "gen_ai.request.model": "llama3.1:8b",
        "gen_ai.response.model": "llama3.1:8b-q4", "llm.endpoint": "http://gpu:11434/v1", "server.address": "gpu", "server.port": 11434,
        "llm.outcome": "ok", "gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 34,
    }  # fmt: skip
    sent = span(said, start_ns=1_790_000_000_123_456_789, duration_ns=2_000_000_001)
    (found,) = await stored(store, sent)
    assert found.sequence == 1
    assert found.request_id == f"{sent.trace_id.hex()}-{sent.span_id.hex()}"
    assert (found.service, found.status, found.provider, found.model) == ("chat-api", RequestStatus.COMPLETED, "ollama", "llama3.1:8b")
    assert (found.response_model, found.endpoint) == ("llama3.1:8b-q4", "http://gpu:11434/v1")
    assert (found.start_ns, found.duration_ns) == (1_790_000_000_123_456_789, 2_000_000_001)
    assert (found.streaming, found.first_chunk_ns, found.input_tokens, found.output_tokens) == (True, 250_000_000, 12, 34)
    assert (found.error_kind, found.error_type, found.error_message) == (None, None, None)


async def test_a_request_that_says_next_to_nothing(store):
    (found,) = await stored(store, span({"llm.provider": "x"}), service="")
    assert (found.service, found.model, found.response_model, found.endpoint) == (None, None, None, None)
    assert (found.streaming, found.first_chunk_ns, found.input_tokens, found.output_tokens) == (False, None, None, None)


@pytest.mark.parametrize(
    ("attributes", "endpoint"),
    [
        ({"server.address": "gpu", "server.port": 8000}, "gpu:8000"),
        ({"server.address": "gpu"}, "gpu"),
        ({"server.address": "https://api.openai.com/v1/", "server.port": 443}, "https://api.openai.com/v1/"),
        ({"server.port": 8000}, None),
        ({"server.address": "gpu", "server.port": 8000, "llm.endpoint": "http://gpu:8000/v1"}, "http://gpu:8000/v1"),
    ],
)
async def test_a_foreign_span_names_its_server_by_address_and_port(store, attributes, endpoint):
    (found,) = await stored(store, span(FOREIGN | {"gen_ai.request.model": "gpt-4o"} | attributes))
    assert (found.provider, found.model, found.endpoint) == ("openai", "gpt-4o", endpoint)


@pytest.mark.parametrize(
    ("attributes", "code", "status"),
    [
        (OURS | {"llm.outcome": "ok"}, 0, RequestStatus.COMPLETED),
        (OURS | {"llm.outcome": "error"}, 2, RequestStatus.FAILED),
        (OURS | {"llm.outcome": "cancelled"}, 0, RequestStatus.CANCELLED),
        (OURS | {"llm.outcome": "abandoned"}, 0, RequestStatus.CANCELLED),
        (OURS | {"llm.outcome": "of another day"}, 2, RequestStatus.FAILED),
        (FOREIGN, 0, RequestStatus.COMPLETED),
        (FOREIGN, 1, RequestStatus.COMPLETED),
        (FOREIGN, 2, RequestStatus.FAILED),
    ],
)
async def test_how_a_request_ended(store, attributes, code, status):
    (found,) = await stored(store, span(attributes, status=code))
    assert found.status is status


@pytest.mark.parametrize(
    ("attributes", "said", "expected"),
    [
        ({"llm.error.kind": "model_not_found", "error.type": "404"}, "no such model", ("model_not_found", "404", "no such model")),
        ({"error.type": "timeout"}, "", (None, "timeout", None)),
        ({"error.type": 500}, "", (None, "500", None)),
        ({"http.response.status_code": 503}, "", (None, "503", None)),
        ({}, "it broke", (None, None, "it broke")),
        ({}, "x" * 5_000, (None, None, "x" * 2_000)),
    ],
)
async def test_why_a_request_failed(store, attributes, said, expected):
    (found,) = await stored(store, span(FOREIGN | attributes, status=2, message=said))
    assert (found.error_kind, found.error_type, found.error_message) == expected


async def test_the_exception_event_speaks_where_the_status_is_silent(store):
    events = {"retry": {"exception.message": "not this"}, "exception": {"exception.type": "E", "exception.message": "refused"}}
    (found,) = await stored(store, span(FOREIGN, status=2, events=events))
    assert found.error_message == "refused"


async def test_success_shows_no_error_though_the_span_carries_a_status(store):
    (found,) = await stored(store, span(FOREIGN | {"http.response.status_code": 200}))
    assert found.error_type is None


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.usage.input_tokens": "many", "gen_ai.usage.output_tokens": -1, "gen_ai.response.time_to_first_chunk": "soon"},
        {"gen_ai.usage.input_tokens": True, "gen_ai.usage.output_tokens": 1.5, "gen_ai.response.time_to_first_chunk": float("nan")},
        {"gen_ai.usage.input_tokens": [1], "gen_ai.usage.output_tokens": None, "gen_ai.response.time_to_first_chunk": float("-inf")},
        {"gen_ai.usage.input_tokens": {"a": 1}, "gen_ai.usage.output_tokens": b"1", "gen_ai.response.time_to_first_chunk": -0.5},
        {"llm.model": ["a", "b"], "llm.endpoint": b"\xff", "gen_ai.request.stream": "yes", "server.port": "x"},
    ],
)
async def test_values_of_the_wrong_type_count_as_not_said(store, attributes):
    (found,) = await stored(store, span(OURS | attributes))
    said = (found.model, found.endpoint, found.streaming, found.first_chunk_ns, found.input_tokens, found.output_tokens)
    assert said == (None, None, False, None, None, None)


async def test_whole_numbers_sent_as_floats_and_long_names(store):
    (found,) = await stored(store, span(OURS | {"gen_ai.usage.input_tokens": 7.0, "llm.model": "m" * 9_000}))
    assert (found.input_tokens, found.model) == (7, "m" * 500)


@pytest.mark.parametrize(
    ("start", "end", "duration"),
    [(0, 0, 0), (5, 3, 0), (2**64 - 1, 2**64 - 1, 0), (2**63 - 1, 2**64 - 1, 0), (1, 2**64 - 1, 2**63 - 2), (10, 0, 0)],
)
async def test_impossible_times_are_bounded_and_cost_no_neighbour(store, start, end, duration):
    odd = chat()
    odd.start_time_unix_nano, odd.end_time_unix_nano = start, end
    found = await stored(store, odd, chat())
    assert (found[0].start_ns, found[0].duration_ns) == (min(start, 2**63 - 1), duration)
    assert len(found) == 2
