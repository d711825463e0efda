"""What the chat shows of a task, as plain texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venom_otel.cockpit import failures, formats, texts
from venom_otel.cockpit.texts import chat
from venom_otel.errors import SettingsError
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.friendly import server_label
from venom_otel.services.figures import SECOND

if TYPE_CHECKING:
    from venom_otel.services.tasks.model import Fallback, Party, Task


def server_of(party: Party) -> str:
    """A server as people call it: `Ollama @ 11434`."""
    try:
        return server_label(party.provider, parse(party.endpoint))
    except SettingsError:  # nobody knows where it is
        return server_label(party.provider, None)


def failed_over(fallback: Fallback) -> str:
    """Who failed and why, and who is asked instead, in one line."""
    reason = " ".join(dict.fromkeys(part for part in (fallback.code, fallback.reason) if part))
    return chat.failed_over(server_of(fallback.source), reason, server_of(fallback.target))


def answered_as(task: Task) -> str:
    """The model that answered, where it is not the one asked for; else empty."""
    return task.response_model if task.response_model and task.response_model != task.party.model else ""


def speed(task: Task) -> str:
    """How fast it was written; empty where that is not known."""
    return "" if task.speed is None else texts.tokens_per_second(formats.figures(task.speed))


def tokens(task: Task) -> str:
    """Tokens read and written; empty where neither is known."""
    if task.input_tokens is None and task.output_tokens is None:
        return ""
    return f"{texts.tokens(formats.count(task.input_tokens), formats.count(task.output_tokens))} tokens"


def first_token(task: Task) -> str:
    """How long it took until something came; empty where nothing did."""
    return "" if task.first_token_s is None else chat.first_token(round(task.first_token_s * SECOND))


def duration(task: Task) -> str:
    """How long it took as a whole; empty where it never began."""
    return formats.seconds(task.duration_s)


def failure(task: Task) -> str:
    """Why it did not end well, in one line; empty where it did."""
    error = task.error
    if error is None:
        return ""
    if error.code is None and error.kind is None:  # neither a server's failure nor the network's
        return error.words
    return failures.in_words(error.code, error.kind, error.words, task.party.provider, task.party.endpoint)


def trace(task: Task) -> str:
    """The address of its trace, at the request that ended it; empty where it has none."""
    if task.trace_id is None:
        return ""
    span = task.request_ids[-1].partition("-")[2] if task.request_ids else ""
    return f"/trace/{task.trace_id}?span={span}" if span else f"/trace/{task.trace_id}"
