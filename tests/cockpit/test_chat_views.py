"""What the chat says of a task, and what it makes of what a browser has kept."""

from dataclasses import replace

import pytest

from venom_otel.cockpit.home import chat_views
from venom_otel.cockpit.home.chat_choice import Chosen
from venom_otel.services.tasks.model import Fallback, Party, Task, TaskError, TaskStatus

HERE = Party("ollama", "ollama", "gemma3:4b", "http://127.0.0.1:11434/v1")
THERE = Party("big", "vllm", "gemma-3", "https://gpu.example/v1")
TASK = Task("t", TaskStatus.COMPLETED, 0, HERE)


@pytest.mark.parametrize(
    ("party", "label"),
    [
        (HERE, "Ollama @ 11434"),
        (THERE, "vLLM @ gpu.example"),
        (replace(HERE, endpoint=""), "Ollama"),
        (replace(HERE, provider="own"), "own @ 11434"),
    ],
)
def test_a_server_as_people_call_it(party, label):
    assert chat_views.server_of(party) == label


@pytest.mark.parametrize(
    ("reason", "code", "words"),
    [
        ("model_not_found", "404", "404 model_not_found"),
        ("timeout", "timeout", "timeout"),
        (None, "connection_error", "connection_error"),
    ],
)
def test_who_failed_and_who_is_asked_instead(reason, code, words):
    assert chat_views.failed_over(Fallback(THERE, HERE, reason, code)) == f"vLLM @ gpu.example failed: {words} → Ollama @ 11434"


def test_how_fast_it_was_written():
    assert chat_views.speed(replace(TASK, speed=49.96)) == "50.0 tokens/s"
    assert chat_views.speed(TASK) == ""


def test_figures_that_are_known():
    task = replace(TASK, duration_s=3.21, first_token_s=0.0412, input_tokens=1234, output_tokens=None)
    assert chat_views.first_token(task) == "first token 41.2 ms"
    assert chat_views.duration(task) == "3.21 s"
    assert chat_views.tokens(task) == "1\u2009234 → ? tokens"
    assert (chat_views.first_token(TASK), chat_views.duration(TASK), chat_views.tokens(TASK)) == ("", "", "")


def test_the_model_that_answered_only_where_it_is_another():
    assert chat_views.answered_as(TASK) == ""
    assert chat_views.answered_as(replace(TASK, response_model="gemma3:4b")) == ""
    assert chat_views.answered_as(replace(TASK, response_model="gemma3:4b-q8")) == "gemma3:4b-q8"


def test_failures():
    assert chat_views.failure(TASK) == ""
    assert chat_views.failure(replace(TASK, error=TaskError("overloaded", "503", "try again"))) == (
        "503 · overloaded: try again — ollama at http://127.0.0.1:11434/v1"
    )
    assert chat_views.failure(replace(TASK, error=TaskError(None, None, "venom-otel was stopped."))) == "venom-otel was stopped."


@pytest.mark.parametrize(
    ("trace_id", "request_ids", "address"),
    [(None, (), ""), ("aa", (), "/trace/aa"), ("aa", ("aa-1", "aa-2"), "/trace/aa?span=2")],
)
def test_where_its_trace_is(trace_id, request_ids, address):
    assert chat_views.trace(replace(TASK, trace_id=trace_id, request_ids=request_ids)) == address


@pytest.mark.parametrize(
    "kept", [None, [], "x", {"server": 3, "model": None, "seed": "x", "max_tokens": True, "temperature": 99, "top_p": -1}]
)
def test_what_a_browser_has_kept_is_not_believed(kept):
    assert Chosen.of(kept) == Chosen()


def test_what_is_chosen_comes_back():
    chosen = Chosen("big", "gemma", fallback=False, max_tokens=5, temperature=0.0, top_p=1.0, seed=0)
    assert Chosen.of(dict(chosen.kept())) == chosen
