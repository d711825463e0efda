"""Facts out of replies, as the vendors' own types hold them."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import Message, RawMessageDeltaEvent
from google.genai.types import GenerateContentResponse
from mistralai.models import CompletionChunk
from ollama import ChatResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from semantic_kernel.connectors.ai.completion_usage import CompletionUsage
from semantic_kernel.contents import AuthorRole, ChatMessageContent, StreamingChatMessageContent
from semantic_kernel.contents.utils.finish_reason import FinishReason

from venom_otel.instrumentation.semantic_kernel.replies import ReplyFacts, read_chunk, read_reply

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gemma-3"}
USAGE = {"prompt_tokens": 16, "completion_tokens": 8, "total_tokens": 24}
TIMINGS = {"cache_n": 15, "prompt_n": 1, "prompt_ms": 2.5, "predicted_n": 8, "predicted_ms": 500.0}  # llama-server's, cut


def chunk(*reasons: str | None, **more: Any) -> ChatCompletionChunk:
    choices = [{"index": i, "delta": {"content": "a"}, "finish_reason": reason} for i, reason in enumerate(reasons)]
    return ChatCompletionChunk.construct(None, **{**HEAD, "choices": choices, **more})


def of_chunks(*inners: Any) -> ReplyFacts:
    facts = ReplyFacts()
    for inner in inners:
        read_chunk(facts, [StreamingChatMessageContent(role=AuthorRole.ASSISTANT, choice_index=0, inner_content=inner)])
    return facts


def of_reply(inner: Any, **content: Any) -> ReplyFacts:
    facts = ReplyFacts()
    read_reply(facts, [ChatMessageContent(role=AuthorRole.ASSISTANT, inner_content=inner, **content)])
    return facts


def told(facts: ReplyFacts) -> dict[str, Any]:
    """What is known, without what is not."""
    values = {name: value for name, value in vars(facts).items() if name != "by_choice"}
    values["finish_reasons"] = facts.finish_reasons
    return {name: value for name, value in values.items() if value not in (None, ())}


NAMED = {"response_id": "chatcmpl-1", "response_model": "gemma-3"}


@pytest.mark.parametrize(
    ("chunks", "facts"),
    [
        pytest.param([chunk(None), chunk("length")], {**NAMED, "finish_reasons": ("length",)}, id="usage never"),
        pytest.param(
            [chunk(None), chunk("length"), chunk(usage=USAGE, system_fingerprint="vllm-0.32.0-75752e90")],
            {
                **NAMED,
                "finish_reasons": ("length",),
                "input_tokens": 16,
                "output_tokens": 8,
                "system_fingerprint": "vllm-0.32.0-75752e90",
            },
            id="usage in a chunk of its own, with vLLM's late fingerprint",
        ),
        pytest.param(
            [chunk(None), chunk("length", usage=USAGE)],
            {**NAMED, "finish_reasons": ("length",), "input_tokens": 16, "output_tokens": 8},
            id="usage with the last text, as transformers sends it",
        ),
        pytest.param(
            [chunk(None, usage={**USAGE, "completion_tokens": n}) for n in (1, 2, 3)],
            {**NAMED, "input_tokens": 16, "output_tokens": 3},
            id="usage on every chunk, of a stream left early",
        ),
        pytest.param(
            [chunk(None, system_fingerprint="b0"), chunk("length", timings=TIMINGS)],
            {
                **NAMED,
                "system_fingerprint": "b0",
                "finish_reasons": ("length",),
                "input_tokens": 16,
                "output_tokens": 8,
                "cache_read_tokens": 15,
                "prompt_s": 0.0025,
                "generation_s": 0.5,
            },
            id="llama-server's timings instead of usage",
        ),
        pytest.param(
            [chunk("stop"), chunk(usage={**USAGE, "queue_time": 0.5, "prompt_time": 0.25, "completion_time": 2.0})],
            {
                **NAMED,
                "finish_reasons": ("stop",),
                "input_tokens": 16,
                "output_tokens": 8,
                "queue_s": 0.5,
                "prompt_s": 0.25,
                "generation_s": 2.0,
            },
            id="Groq's times in usage",
        ),
        pytest.param(
            [chunk(None, None), chunk(None, "length"), chunk("tool_calls", None)],
            {**NAMED, "finish_reasons": ("tool_calls", "length")},
            id="two choices, the second done first",
        ),
        pytest.param([chunk(None, id="", model=""), chunk(None)], NAMED, id="a first chunk without a name, as Azure's"),
        pytest.param([chunk(None, id=None, model=None)], {}, id="no name at all"),
    ],
)
def test_an_openai_stream(chunks: list[ChatCompletionChunk], facts: dict[str, Any]) -> None:
    assert told(of_chunks(*chunks)) == facts


def test_an_openai_answer_s_details() -> None:
    usage = {
        **USAGE,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    choices = [{"index": i, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"} for i in (0, 1)]
    answer = {**HEAD, "choices": choices, "usage": usage, "timings": {**TIMINGS, "cache_n": 4, "prompt_n": 12}}
    facts = {
        **NAMED,
        "finish_reasons": ("stop", "stop"),
        "input_tokens": 16,
        "output_tokens": 8,
        "cache_read_tokens": 4,
        "cache_creation_tokens": 2,
        "reasoning_tokens": 0,
        "prompt_s": 0.0025,
        "generation_s": 0.5,
    }
    assert told(of_reply(ChatCompletion.construct(None, **answer))) == facts
    assert told(of_reply(answer)) == facts  # a user's own service may keep the JSON


@pytest.mark.parametrize(
    ("load", "cold"), [(3_000_000, False), (30_019_723, False), (99_999_999, False), (100_000_000, True), (4 * 10**8, True)]
)
def test_ollama_tells_whether_it_loaded_the_model(load: int, cold: bool) -> None:
    part = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", "load_duration": load}
    facts = {"response_model": "m", "finish_reasons": ("stop",), "load_s": load / 10**9, "cold_start": cold}
    assert told(of_chunks(ChatResponse(**part))) == facts
    assert told(of_chunks(part)) == facts


def test_an_unfinished_ollama_stream_names_its_model_alone() -> None:
    part = ChatResponse(model="m", message={"role": "assistant", "content": "a"}, done=False)
    assert told(of_chunks(part, part)) == {"response_model": "m"}


def test_anthropic_s_closing_event_counts_for_itself() -> None:
    event = RawMessageDeltaEvent.construct(
        type="message_delta",
        delta={"stop_reason": "max_tokens"},
        usage={"input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 3, "output_tokens_details": {"thinking_tokens": 1}},
    )
    facts = {"finish_reasons": ("max_tokens",), "input_tokens": 3, "cache_read_tokens": 2, "output_tokens": 3, "reasoning_tokens": 1}
    assert told(of_chunks(event)) == facts


def test_an_anthropic_answer_without_counts() -> None:
    assert told(of_reply(Message.construct(id="msg_1", model="claude", stop_reason=None, usage=None))) == {
        "response_id": "msg_1",
        "response_model": "claude",
    }


def test_a_mistral_chunk() -> None:
    # Semantic Kernel 1.45 drops the stream of mistralai 1.12 whole, so this shape has no way through the connector today.
    last = CompletionChunk(id="c", model="m", choices=[{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}], usage=USAGE)
    assert told(of_chunks(last)) == {
        "response_id": "c",
        "response_model": "m",
        "finish_reasons": ("stop",),
        "input_tokens": 16,
        "output_tokens": 8,
    }


def test_google_counts_tool_results_and_thoughts() -> None:
    reply = GenerateContentResponse.model_validate(
        {
            "candidates": [{"finishReason": "FINISH_REASON_UNSPECIFIED"}, {"finishReason": "MAX_TOKENS"}],
            "usageMetadata": {
                "promptTokenCount": 9,
                "toolUsePromptTokenCount": 3,
                "candidatesTokenCount": 4,
                "thoughtsTokenCount": 5,
            },
        }
    )
    assert told(of_reply(reply)) == {"finish_reasons": ("max_tokens",), "input_tokens": 12, "output_tokens": 9, "reasoning_tokens": 5}


@pytest.mark.parametrize(
    "usage",
    [
        CompletionUsage(prompt_tokens=3, completion_tokens=2),
        {"prompt_tokens": 3, "completion_tokens": 2},
        {"input_tokens": 3, "output_tokens": 2},
    ],
)
def test_a_user_s_own_service_tells_by_metadata(usage: Any) -> None:
    metadata = {"id": "r", "model": "m-1", "system_fingerprint": "f", "usage": usage}
    found = told(of_reply(None, metadata=metadata, finish_reason=FinishReason.LENGTH))
    assert found == {
        "response_id": "r",
        "response_model": "m-1",
        "system_fingerprint": "f",
        "input_tokens": 3,
        "output_tokens": 2,
        "finish_reasons": ("length",),
    }


def test_a_user_s_own_service_tells_the_details_of_its_usage() -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 1}, "completion_tokens_details": {"reasoning_tokens": 2}}
    found = told(of_reply(None, metadata={"usage": {"prompt_tokens": 3, "completion_tokens": 4, **details}}))
    assert found == {"input_tokens": 3, "output_tokens": 4, "cache_read_tokens": 1, "reasoning_tokens": 2}


@pytest.mark.parametrize(
    ("indexes", "reasons"), [((0, 1), ("stop", "length")), ((1, 0), ("length", "stop")), ((None, None), ("stop", "length"))]
)
def test_choices_stand_by_their_index_or_in_their_order(indexes: tuple[int | None, ...], reasons: tuple[str, ...]) -> None:
    choices = [{"index": index, "finish_reason": reason} for index, reason in zip(indexes, ("stop", "length"), strict=True)]
    assert told(of_reply({"choices": choices})) == {"finish_reasons": reasons}


def test_a_user_s_own_stream_of_two_choices() -> None:
    facts = ReplyFacts()
    read_chunk(
        facts,
        [
            StreamingChatMessageContent(role=AuthorRole.ASSISTANT, choice_index=index, finish_reason=reason, inner_content=object())
            for index, reason in ((1, FinishReason.STOP), (0, FinishReason.LENGTH))
        ],
    )
    assert facts.finish_reasons == ("length", "stop")


class Raising:
    """A reply whose every field fails."""

    def __getattr__(self, name: str) -> Any:
        raise ValueError(name)


@pytest.mark.parametrize(
    "contents",
    [
        [],
        None,
        [None],
        [object()],
        7,
        [ChatMessageContent(role=AuthorRole.ASSISTANT, metadata={"usage": (CompletionUsage(prompt_tokens=1),)})],
        [
            ChatMessageContent(
                role=AuthorRole.ASSISTANT, metadata={"usage": {"prompt_tokens": "3", "completion_tokens": -1}, "id": 4, "model": ""}
            )
        ],
        [ChatMessageContent(role=AuthorRole.ASSISTANT, inner_content=Raising())],
        *(
            [ChatMessageContent(role=AuthorRole.ASSISTANT, inner_content=inner)]
            for inner in (
                {},
                {"choices": 3},
                {"choices": [None, {"finish_reason": 2}], "usage": "none", "timings": [1]},
                {"choices": [], "timings": {"prompt_n": True, "prompt_ms": float("nan"), "predicted_ms": "2"}},
                {"done": True, "load_duration": "1s", "eval_count": 1.5},
                {"stopReason": None, "usage": {"inputTokens": None}},
                {"metadata": None},
                ChatCompletionChunk.construct(None),
                ChatCompletionChunk.construct(None, choices=None, usage=3),
                ChatCompletion.construct(None, choices=[{}]),
                ChatResponse.model_construct(),
                Message.construct(),
                GenerateContentResponse.model_construct(candidates=[None]),
            )
        ),
    ],
)
def test_an_odd_reply_tells_nothing_and_raises_nothing(contents: Any) -> None:
    facts = ReplyFacts()
    read_reply(facts, contents)
    read_chunk(facts, contents)
    assert told(facts) == {}
