"""Texts of the chat."""

from __future__ import annotations

from typing import Final

from venom_otel.cockpit import formats

TITLE: Final = "Chat"
CONVERSATION: Final = "Conversation"
EMPTY: Final = "Ask a model server. Each answer says who gave it, how fast, and who could not."
NEWEST: Final = "To the newest"
NEW_CHAT: Final = "New chat"
TURN: Final = "Question and answer"
FORGOTTEN: Final = "What was said here before was kept in memory alone, and is gone."

# -- without what it takes ---------------------------------------------------------------------------------------------------------
INSTALL: Final = "To ask model servers from here, install this and start `venom-otel up` again:"
INSTALL_COMMAND: Final = "pip install 'venom-otel[cockpit,instruments]'"

# -- who is asked, and how -----------------------------------------------------------------------------------------------------------
SERVER: Final = "Server to ask"
AUTOMATIC: Final = "Automatic (active model)"
MODEL: Final = "Model to ask"
USUAL_MODEL: Final = "Its usual model"
NO_MODEL_MATCHES: Final = "No model matches."
OPTIONS: Final = "Options"
FALLBACK: Final = "Ask the next server where one fails"
SERVERS_OWN: Final = "server's own"
NUMBERS: Final = {"max_tokens": "Max tokens", "temperature": "Temperature", "top_p": "Top p", "seed": "Seed"}

# -- what is written -----------------------------------------------------------------------------------------------------------------
MESSAGE: Final = "Message"
PLACEHOLDER: Final = "Ask something"
SEND: Final = "Send"
STOP: Final = "Stop answering (Esc)"
STOP_THIS: Final = "Stop"

# -- an answer -----------------------------------------------------------------------------------------------------------------------
WAITING: Final = "waiting for its turn"
ANSWERING: Final = "answering"
CANCELLED: Final = "Cancelled"
LOST: Final = "Lost"
AGAIN: Final = "Ask again"
NO_TEXT: Final = "An answer without text"
CUT_OFF: Final = "Cut off at max tokens"
GONE: Final = "The answer is not kept any more"
ANSWERED_BY: Final = "answered by"
TRACE: Final = "Trace"
COPY: Final = "Copy"
COPIED: Final = "Copied"
COPY_CODE: Final = "Copy the code"
COPY_ANSWER: Final = "Copy the answer"
FIRST_HELP: Final = "From the moment the task began, other servers that failed included"


def asking(server: str) -> str:
    """Who is asked just now."""
    return f"asking {server}"


def for_so_long(words: str, seconds: int) -> str:
    """What is being done, and for how long."""
    return f"{words} · {seconds} s" if seconds else words


def failed_over(source: str, reason: str, target: str) -> str:
    """Another server is asked: `vLLM @ 8001 failed: 404 model_not_found → Ollama @ 11434`."""
    return f"{source} failed: {reason} → {target}"


def first_token(nanoseconds: int) -> str:
    """How long it took until something came."""
    return f"first token {formats.duration(nanoseconds)}"


def too_long(characters: int) -> str:
    """A prompt that is longer than a message to the server may be."""
    return (
        f"This has {formats.count(characters)} characters, more than the page can send at once. Shorten it, or use the API: "
        "`POST /api/v1/tasks` takes a million."
    )
