"""How much of everything there may be at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from venom_otel.settings import CockpitSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Tasks, characters and seconds."""

    running: int = 512
    """Tasks that are worked on at the same time."""
    waiting: int = 2000
    """Tasks that wait for their turn."""
    prompt: int = 1_000_000
    """Characters of one prompt, with the conversation that it goes on with."""
    messages: int = 1000
    answer: int = 1_000_000
    """Characters of one answer."""
    prompts: int = 32_000_000
    """Characters of the prompts of all tasks that have not ended."""
    kept: int = 1000
    """Tasks that have ended and whose answers are kept."""
    answers: int = 32_000_000
    """Characters of these answers, and of what they are answers to."""
    kept_s: float = 3600.0
    """How long an answer is kept, and a conversation that nobody goes on with."""
    sessions: int = 1000
    conversations: int = 32_000_000
    """Characters of all conversations."""
    conversation: int = 200_000
    """Characters of one; the oldest messages but the system's go first."""
    stall_s: float = 600.0
    """A task that has not moved for so long is lost."""

    @classmethod
    def from_settings(cls, settings: CockpitSettings) -> Self:
        """What the settings say."""
        return cls(
            running=settings.tasks_running,
            waiting=settings.tasks_waiting,
            kept_s=settings.tasks_kept_s,
            stall_s=settings.task_stall_s,
        )
