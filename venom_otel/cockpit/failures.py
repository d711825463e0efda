"""Why a request failed, in one line: the page's and the terminal's."""

from __future__ import annotations

from venom_otel import semconv
from venom_otel.instrumentation.server_words import server_words


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
    words = ": ".join(part for part in (labels, server_words(message or "")) if part)
    who = provider or semconv.PROVIDER_UNKNOWN
    return " — ".join(part for part in (words, f"{who} at {endpoint}" if endpoint else who) if part)
