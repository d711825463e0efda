"""Tasks answered by the real kernel, over servers on real sockets: who answered, what failed, and what the history says of it."""

import asyncio
import json
import logging

import pytest
from support import behaviours
from support.dialects import COMPLETION_TOKENS, PROMPT_TOKENS, Answer
from support.dialects import Error as Refusal
from support.patience import WAIT_S
from support.tasks import asked, kinds_of, text_of

from venom_otel.services.tasks.limits import Limits
from venom_otel.services.tasks.model import Message, Options, Party, Role, TaskError, TaskStatus, Wanted
from venom_otel.store.protocol import LogFilter, RequestStatus

MODEL = "gemma-3"


def error(status, words):
    return Refusal(status, {"error": {"message": words, "type": "E", "param": None, "code": status}}, None)


def party(name, server):
    return Party(name, "vllm", MODEL, f"{server.url}/v1")


async def test_every_field_of_a_task_that_was_answered(tmp_path, servers, endpoints):
    first, _ = servers
    first.play(behaviours.answers(Answer(words=("Be", "cause"), finish="stop")))
    async with asked(tmp_path, **endpoints) as place:
        begun = await place.ask(options=Options(max_tokens=9, temperature=0.5, seed=3, stop=("x",)))
        assert (begun.status, begun.party) == (TaskStatus.PENDING, party("vllm", first))
        task = await place.end_of(begun)
        assert task.status is TaskStatus.COMPLETED
        assert (task.party, task.response_model, task.identity_source) == (party("vllm", first), MODEL, "server")
        assert (task.input_tokens, task.output_tokens, task.finish_reason) == (PROMPT_TOKENS, COMPLETION_TOKENS, "stop")
        assert (task.error, task.fallback, task.asked_provider, task.session) == (None, None, None, None)
        assert task.created_ns <= task.started_ns <= task.finished_ns
        assert 0 < task.first_token_s <= task.duration_s
        assert place.tasks.answer(task.id) == "Because"
        (request,) = await place.requests_of(task)
        assert task.request_ids == (request.request_id,)
        assert task.trace_id == request.trace_id
        assert (request.service, request.status, request.input_tokens) == ("venom-otel", RequestStatus.COMPLETED, PROMPT_TOKENS)
    (sent,) = first.requests
    assert sent.body | {"messages": [{"role": "user", "content": "Why is the sky blue?"}], "model": MODEL, "stream": True} == sent.body
    assert (sent.body["max_tokens"], sent.body["temperature"], sent.body["seed"], sent.body["stop"]) == (9, 0.5, 3, ["x"])


async def test_every_span_and_log_line_says_which_task_it_is(tmp_path, endpoints):
    async with asked(tmp_path, **endpoints) as place:
        task = await place.end_of(await place.ask())
        (request,) = await place.requests_of(task)
        spans = await place.store.trace(task.trace_id)
        assert {span.name for span in spans} == {"task", f"route {MODEL}", f"chat {MODEL}", "POST"}
        assert {span.attributes.get("llm.task.id") for span in spans} == {task.id}
        assert {span.service for span in spans} == {"venom-otel"}
        logs = (await place.store.logs(LogFilter(trace_id=task.trace_id), 100)).items
        assert {log.attributes.get("llm.task.id") for log in logs} == {task.id}
        assert {log.attributes.get("llm.provider") for log in logs} == {"vllm"}
        assert {log.attributes.get("llm.endpoint") for log in logs} == {task.party.endpoint}
        assert {log.scope for log in logs} == {"venom_otel.tasks", "venom_otel.requests"}
        assert request.span_id in {log.span_id for log in logs}


async def test_a_line_that_is_logged_within_a_request_says_its_task(tmp_path, servers, endpoints, caplog):
    """By whichever library."""
    servers[0].play(behaviours.refuses(error(500, "out of memory")))
    with caplog.at_level(logging.DEBUG, logger="openai"):
        async with asked(tmp_path, **endpoints) as place:
            task = await place.end_of(await place.ask(fallback=False))
    within = [record for record in caplog.records if record.name.startswith("openai") and hasattr(record, "llm_provider")]
    assert within
    assert {record.llm_task_id for record in within} == {task.id}


async def test_another_server_answers_where_the_first_fails(tmp_path, servers, endpoints):
    first, second = servers
    async with asked(tmp_path, **endpoints) as place:
        await place.end_of(await place.ask())  # who they are is known from then on, so that a failure is told at once
        first.play(behaviours.refuses(error(503, "overloaded, try again")))
        events = await place.told(await place.ask())
        task = events[-1].body
        assert kinds_of(events) == ["status", "status", "llm_provider_error", "llm_fallback", "token", "finished"]
        failed, fallback = events[2].body, events[3].body
        assert (failed.party, failed.error.kind, failed.error.code) == (party("vllm", first), "overloaded", "503")
        assert "overloaded, try again" in failed.error.words
        assert (fallback.source, fallback.target) == (party("vllm", first), party("big", second))
        assert (fallback.reason, fallback.code) == ("overloaded", "503")
        assert (task.status, task.party, task.fallback, task.error) == (TaskStatus.COMPLETED, party("big", second), fallback, None)
        requests = await place.requests_of(task)
        assert task.request_ids == tuple(request.request_id for request in requests)
        assert [request.status for request in requests] == [RequestStatus.FAILED, RequestStatus.COMPLETED]
    assert (len(first.requests), len(second.requests)) == (1, 1)


async def test_a_server_that_is_offline_is_passed_over(tmp_path, servers, closed_port):
    _, second = servers
    models = {"gone": MODEL}
    async with asked(tmp_path, models=models, vllm_endpoint=f"gone={closed_port.url}/v1,big={second.url}/v1") as place:
        events = await place.told(await place.ask())
        task = events[-1].body
        assert kinds_of(events) == ["status", "status", "llm_fallback", "token", "finished"]
        fallback = task.fallback
        assert (fallback.source.service_id, fallback.target.service_id, fallback.reason) == ("gone", "big", "not_reached")
        assert len(await place.requests_of(task)) == 1


@pytest.mark.parametrize(
    ("behaviour", "kind", "code"),
    [
        (behaviours.refuses(error(404, "The model `gemma-3` does not exist.")), "model_not_found", "404"),
        (behaviours.refuses(error(401, "no")), "auth", "401"),
        (behaviours.refuses(error(400, "your prompt is wrong")), "bad_request", "400"),
        (behaviours.refuses(error(429, "slow down: rate limit")), "rate_limited", "429"),
        (behaviours.refuses(error(500, "out of memory")), "server_error", "500"),
        (behaviours.breaks(), "broken_stream", "connection_error"),
        (behaviours.drops(), "server_error", "connection_error"),
    ],
)
async def test_failures_by_their_kind(tmp_path, servers, endpoints, behaviour, kind, code):
    first, second = servers
    first.play(behaviour)
    async with asked(tmp_path, **endpoints) as place:
        task = await place.end_of(await place.ask(provider="vllm"))
        assert task.status is TaskStatus.FAILED
        assert (task.error.kind, task.error.code) == (kind, code)
        assert task.error.words
        assert task.party == party("vllm", first)
        (request,) = await place.requests_of(task)
        assert (request.error_kind, request.error_type, request.error_message) == (kind, code, task.error.words)
    assert not second.requests


async def test_a_server_that_is_gone(tmp_path, closed_port):
    async with asked(tmp_path, vllm_endpoint=f"{closed_port.url}/v1") as place:
        events = await place.told(await place.ask(model=MODEL))
        task = events[-1].body
        assert (task.status, task.error.kind, task.error.code) == (TaskStatus.FAILED, "not_reached", "connection_error")
        assert kinds_of(events) == ["status", "status", "llm_provider_error", "finished"]


async def test_cancelling_closes_the_connection_to_the_server(tmp_path, servers, endpoints):
    first, _ = servers
    first.play(behaviours.hangs(after=2))
    async with asked(tmp_path, **endpoints) as place:
        begun = await place.ask()
        (request,) = await asyncio.to_thread(first.wait_for, 1)
        assert await asyncio.to_thread(request.paused.wait, WAIT_S)
        task = await place.tasks.cancel(begun.id)
        assert (task.status, task.error) == (TaskStatus.CANCELLED, None)
        assert await asyncio.to_thread(request.closed_early.wait, WAIT_S)
        (stored,) = await place.requests_of(task)
        assert stored.status is RequestStatus.CANCELLED
        assert task.request_ids == (stored.request_id,)
        assert not place.tasks._at_work


async def test_a_task_that_no_longer_moves_is_lost(tmp_path, servers, endpoints):
    first, _ = servers
    first.play(behaviours.hangs(after=2))
    async with asked(tmp_path, limits=Limits(stall_s=2), **endpoints) as place:
        while not first.requests or not first.requests[-1].paused.is_set():  # a machine may be too slow to ask within the time
            task = await place.end_of(await place.ask())
            assert (task.status, task.error.kind) == (TaskStatus.LOST, "timeout")
            assert "VENOM_OTEL_TASK_STALL_S" in task.error.words
        assert await asyncio.to_thread(first.requests[-1].closed_early.wait, WAIT_S)


async def test_a_conversation_goes_on(tmp_path, servers, endpoints):
    first, _ = servers
    first.play(behaviours.echoes())
    async with asked(tmp_path, **endpoints) as place:
        one = await place.ask("one", session="talk")
        two = await place.ask("two", session="talk")
        other = await place.ask("other")
        for task in (one, two, other):
            await place.end_of(task)
    sent = {json.dumps([message["content"].strip() for message in request.body["messages"]]) for request in first.requests}
    assert sent == {'["one"]', '["one", "one", "two"]', '["other"]'}


async def test_the_kernel_is_asked_for_what_was_wanted(tmp_path, servers, endpoints):
    """Messages keep their roles, a key goes to its own server alone, and a model to the server that has it."""
    first, second = servers
    said = [Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "Hi"), Message(Role.ASSISTANT, "Yes?"), Message(Role.USER, "Why?")]
    async with asked(tmp_path, vllm_api_key="sk-secret-1234", **endpoints) as place:
        task = await place.end_of(await place.tasks.begin(Wanted(said, provider="big", model=MODEL)))
        assert task.status is TaskStatus.COMPLETED
    (sent,) = second.requests
    assert [(each["role"], each["content"]) for each in sent.body["messages"]] == [(each.role, each.content) for each in said]
    assert sent.headers["authorization"] == "Bearer sk-secret-1234"
    assert not first.requests


async def test_keys_are_in_no_words_of_a_failure(tmp_path, servers, endpoints):
    servers[0].play(behaviours.refuses(error(401, "the key sk-secret-1234 is wrong")))
    async with asked(tmp_path, vllm_api_key="sk-secret-1234", **endpoints) as place:
        task = await place.end_of(await place.ask(provider="vllm"))
    assert task.error == TaskError("auth", "401", task.error.words)
    assert "sk-secret" not in task.error.words


async def test_nothing_that_was_asked_or_answered_is_kept_on_disk(tmp_path, servers, endpoints):
    servers[0].play(behaviours.answers(Answer(words=("forty", "two"))))
    async with asked(tmp_path, **endpoints) as place:
        events = await place.told(await place.ask("a very particular question", session="talk"))
        assert text_of(events) == "fortytwo"
        assert await place.requests_of(events[-1].body)
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"particular question" not in everything
    assert b"fortytwo" not in everything


async def test_spans_have_prompts_and_answers_where_that_is_asked_for_and_the_state_never(tmp_path, servers, endpoints, monkeypatch):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    servers[0].play(behaviours.answers(Answer(words=("forty", "two"))))
    async with asked(tmp_path, **endpoints) as place:
        task = await place.end_of(await place.ask("a very particular question"))
        await place.requests_of(task)
        (chat,) = [span for span in await place.store.trace(task.trace_id) if span.name.startswith("chat ")]
        assert "a very particular question" in chat.attributes["gen_ai.input.messages"]
        assert "fortytwo" in chat.attributes["gen_ai.output.messages"]
    state = b"".join(path.read_bytes() for path in tmp_path.glob("state.sqlite3*"))
    assert state
    assert b"particular" not in state
    assert b"fortytwo" not in state
