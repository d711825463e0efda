"""What is remembered of an endpoint that is asked: which answers replace what was known, and which replies are reason to ask again."""

import pytest

from venom_otel import semconv
from venom_otel.identity.asked import DOUBT_PAUSE_S, LONGEST_PAUSE_S, MAX_EXPLAINED, Asked
from venom_otel.identity.asking import Answer
from venom_otel.identity.endpoint import parse
from venom_otel.identity.model import UNKNOWN, Identity, ReplyMarks

VLLM = Identity("vllm", semconv.SOURCE_SERVER)
OLLAMA = Identity("ollama", semconv.SOURCE_SERVER)
GATEWAY = Identity(gateway="litellm")
SERVERS = frozenset({"uvicorn"})
FITTING = ReplyMarks("uvicorn", None, "vllm-0.32.0-x")


def asked_and_told(identity):
    asked = Asked(parse("http://127.0.0.1:8000"), None)
    asked.take(Answer(identity, reached=True, conclusive=True, servers=SERVERS), 0.0)
    return asked


@pytest.mark.parametrize(
    ("answer", "guess"),
    [
        (Answer(OLLAMA, reached=True), OLLAMA),
        (Answer(GATEWAY, reached=True), GATEWAY),
        (Answer(UNKNOWN, reached=True, conclusive=True), UNKNOWN),
        (Answer(UNKNOWN, reached=True), VLLM),
        (Answer(UNKNOWN, reached=True, refused=True), VLLM),
        (Answer(), VLLM),
    ],
)
def test_an_answer_that_says_nothing_replaces_none(answer, guess):
    asked = asked_and_told(VLLM)
    asked.take(answer, 0.0)
    assert asked.guess == guess
    assert asked.down is not answer.reached
    assert asked.refused is answer.refused


def test_a_refusal_counts_only_where_nothing_was_told():
    asked = asked_and_told(VLLM)
    asked.take(Answer(VLLM, reached=True, refused=True), 0.0)
    assert not asked.refused


def test_what_agreed_with_one_server_is_looked_at_again_for_another():
    asked = asked_and_told(VLLM)
    assert not asked.doubts(FITTING, VLLM, 0.0)
    assert asked.explains(FITTING)
    asked.take(Answer(VLLM, reached=True, servers=SERVERS), 0.0)
    assert asked.explains(FITTING)
    asked.take(Answer(OLLAMA, reached=True, servers=SERVERS), 0.0)
    assert not asked.explains(FITTING)
    assert asked.doubts(FITTING, OLLAMA, 0.0)


def test_each_strange_mark_is_reason_to_ask_once_and_not_at_every_reply():
    asked = asked_and_told(VLLM)
    assert asked.doubts(ReplyMarks("nginx"), VLLM, 0.0)
    assert asked.explains(ReplyMarks("nginx"))
    assert not asked.doubts(ReplyMarks("caddy"), VLLM, DOUBT_PAUSE_S - 0.1)
    assert asked.doubts(ReplyMarks("caddy"), VLLM, DOUBT_PAUSE_S)


def test_marks_without_end_are_not_all_remembered():
    asked = asked_and_told(VLLM)
    doubted = [asked.doubts(ReplyMarks(f"server-{number}"), VLLM, number * DOUBT_PAUSE_S) for number in range(3 * MAX_EXPLAINED)]
    assert doubted == [True] * MAX_EXPLAINED + [False] * 2 * MAX_EXPLAINED


def test_a_server_that_answers_calls_but_no_questions_is_asked_ever_more_rarely():
    asked = asked_and_told(VLLM)
    now, pauses = 0.0, []
    for _ in range(10):
        asked.take(Answer(), now)
        assert not asked.explains(FITTING), "who is there is a new question"
        pause = 0.0
        while not asked.doubts(FITTING, VLLM, now + pause):
            pause += 0.5
        pauses.append(pause)
        now += pause
    assert pauses == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, *[LONGEST_PAUSE_S] * 3]
    asked.take(Answer(VLLM, reached=True, servers=SERVERS), now)
    asked.take(Answer(), now)
    assert asked.doubts(FITTING, VLLM, now), "having answered, it begins anew"
