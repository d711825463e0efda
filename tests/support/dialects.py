"""The bytes of the two dialects, OpenAI's as vLLM 0.32 speaks it and Ollama 0.17's own, after replies recorded from both.

A dialect makes whole replies, the pieces of a stream and errors from the same words, so that one behaviour serves both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

WORDS = [" brown", " one", " assistant", " while", " eight", " red", " birds", " runs"]
TEXT = "".join(WORDS)
PROMPT_TOKENS = 16
COMPLETION_TOKENS = len(WORDS)


@dataclass(frozen=True)
class Answer:
    """What the model says, in whichever dialect."""

    words: tuple[str, ...] = tuple(WORDS)
    finish: str = "length"
    tool: str | None = None
    """The name of a function to call, without arguments, instead of words."""
    usage: bool = True
    done: bool = True
    """Whether a stream says that it is over: `[DONE]`, or the line with `done` true."""
    choices: bool = True


@dataclass(frozen=True)
class Error:
    """A refusal: the HTTP status and its body in both dialects."""

    status: int
    openai: Any
    ollama: Any


class OpenAI:
    """`/v1/chat/completions`."""

    path = "/v1/chat/completions"
    stream_type = "text/event-stream; charset=utf-8"

    @staticmethod
    def reply(model: str, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(answer.words), "refusal": None, "reasoning": None}
        if answer.tool:
            call = {"id": "call_1", "type": "function", "function": {"name": answer.tool, "arguments": "{}"}}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish, "stop_reason": None}
        found = {
            "id": "chatcmpl-9dab6260b097695a",
            "object": "chat.completion",
            "created": 1795338101,
            "model": model,
            "choices": [choice] if answer.choices else [],
            "system_fingerprint": "vllm-0.32.0-75752e90",
        }
        return {**found, "usage": _openai_usage()} if answer.usage else found

    @staticmethod
    def pieces(model: str, answer: Answer) -> list[str]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": word} for word in answer.words)]
        if answer.tool:
            call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": answer.tool, "arguments": "{}"}}
            deltas = [{"role": "assistant", "content": None}, {"tool_calls": [call]}]
        chunks = [_openai_chunk(model, [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]) for delta in deltas]
        if answer.choices:
            chunks[-1]["choices"][0]["finish_reason"] = answer.finish
        else:
            chunks = [_openai_chunk(model, []) for _ in deltas]
        if answer.usage:
            chunks.append({**_openai_chunk(model, []), "usage": _openai_usage(), "system_fingerprint": "vllm-0.32.0-75752e90"})
        pieces = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        return [*pieces, "data: [DONE]\n\n"] if answer.done else pieces

    @staticmethod
    def error(error: Error) -> Any:
        return error.openai

    @staticmethod
    def error_piece(error: Error) -> str:
        return f"data: {json.dumps(error.openai)}\n\n"


class Ollama:
    """`/api/chat`."""

    path = "/api/chat"
    stream_type = "application/x-ndjson"

    @staticmethod
    def reply(model: str, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(answer.words)}
        if answer.tool:
            message = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": answer.tool, "arguments": {}}}]}
        found = {"model": model, "created_at": "2026-11-22T09:22:41.221848542Z", "message": message}
        return {**found, "done": True, "done_reason": answer.finish, **_ollama_usage(answer)}

    @staticmethod
    def pieces(model: str, answer: Answer) -> list[str]:
        part = {"model": model, "created_at": "2026-11-22T09:22:34.353561824Z"}
        messages: list[dict[str, Any]] = [{"role": "assistant", "content": word} for word in answer.words]
        if answer.tool:
            messages = [{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": answer.tool, "arguments": {}}}]}]
        lines: list[dict[str, Any]] = [{**part, "message": message, "done": False} for message in messages]
        if answer.done:
            last = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": answer.finish}
            lines.append({**part, **last, **_ollama_usage(answer)})
        return [f"{json.dumps(line)}\n" for line in lines]

    @staticmethod
    def error(error: Error) -> Any:
        return error.ollama

    @staticmethod
    def error_piece(error: Error) -> str:
        return f"{json.dumps(error.ollama)}\n"


def of(path: str) -> type[OpenAI | Ollama]:
    """The dialect spoken at a path."""
    return Ollama if path.endswith(Ollama.path) else OpenAI


def _openai_error(message: str, kind: str, code: int | str | None, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


# Recorded where the runtime gives such a reply; 429 in OpenAI's words, loading in llama.cpp's.
MODEL_MISSING = Error(
    404,
    _openai_error("The model `no-such-model` does not exist. Valid aliases: gemma-3.", "NotFoundError", 404, "model"),
    {"error": "model 'no-such-model' not found"},
)
PATH_MISSING = Error(404, {"detail": "Not Found"}, b"404 page not found")
UNAUTHORISED = Error(401, {"error": "Unauthorized"}, {"error": "unauthorized"})
RATE_LIMITED = Error(
    429,
    _openai_error("Rate limit reached for requests. Please try again in 20s.", "requests", "rate_limit_exceeded"),
    {"error": "too many requests"},
)
FAILED = Error(
    500,
    _openai_error("EngineCore encountered an issue. See stack trace (above) for the root cause.", "InternalServerError", 500),
    {"error": "llama runner process has terminated: exit status 2"},
)
BUSY = Error(
    503,
    _openai_error("The engine is currently overloaded, please try again later", "server_error", None),
    {"error": "server busy, please try again.  maximum pending requests exceeded"},
)
LOADING = Error(
    503,
    {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}},
    {"error": "llm server loading model"},
)


def _openai_chunk(model: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-9096845c860ad324",
        "object": "chat.completion.chunk",
        "created": 1795338103,
        "model": model,
        "choices": choices,
    }


def _openai_usage() -> dict[str, Any]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        "completion_tokens": COMPLETION_TOKENS,
        "prompt_tokens_details": None,
    }


def _ollama_usage(answer: Answer) -> dict[str, int]:
    if not answer.usage:
        return {}
    return {
        "total_duration": 1648971408,
        "load_duration": 4695550,
        "prompt_eval_count": PROMPT_TOKENS,
        "prompt_eval_duration": 297731454,
        "eval_count": COMPLETION_TOKENS,
        "eval_duration": 1331058670,
    }
