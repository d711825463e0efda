"""The model servers of the start page."""

from __future__ import annotations

from typing import Final

TITLE: Final = "LLM servers"
NONE_TITLE: Final = "No model server is known yet"
NONE: Final = (
    "Servers at the usual ports of this machine are found by themselves. For any other, say in `.env` where it is, then start "
    "`venom-otel up` again; `venom-otel init` writes a `.env` with every variable."
)
VARIABLES: Final = ("OLLAMA_ENDPOINT", "VLLM_ENDPOINT", "LLAMACPP_ENDPOINT", "OPENAI_BASE_URL", "LLM_LOCAL_ENDPOINT")
SETTINGS_LINK: Final = "All settings"


def offline(number: int, of: int) -> str:
    """How many servers take no requests."""
    return f"{number} of {of} offline"


def latency(now: str, most: str, unanswered: int) -> str:
    """A line of latencies, for who cannot see it."""
    missed = f"; {unanswered} half minutes with a look that was not answered" if unanswered else ""
    return f"Latency: {now or 'no answer'} now, {most or 'none'} at most within half an hour{missed}"
