"""Why a request failed, in one line: the page's and the terminal's."""

from __future__ import annotations

from venom_otel import semconv


def in_words(code: str | None, kind: str | None, message: str | None, provider: str | None, endpoint: str | None) -> str:
    """`404 · model_not_found: model 'x' not found — ollama at http://localhost:11434`.

    Args:
        code: HTTP status, or the class of the cause.
        kind: the failure's kind, by the reply's words.
        message: the server's or the client's own words.
        provider: who was asked.
        endpoint: its base URL.
    """
    labels = " · ".join(dict.fromkeys(part for part in (code, kind) if part))
    words = ": ".join(part for part in (labels, _without_code(message or "", code)) if part)
    who = provider or semconv.PROVIDER_UNKNOWN
    return " — ".join(part for part in (words, f"{who} at {endpoint}" if endpoint else who) if part)


def _without_code(message: str, code: str | None) -> str:
    """The words without `Error code: 404 - `, by which the openai client begins: it is said already."""
    return "" if message == f"Error code: {code}" else message.removeprefix(f"Error code: {code} - ")
