"""Conversations that go on from task to task, in memory alone."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from venom_otel.services.tasks.model import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from venom_otel.services.tasks.limits import Limits
    from venom_otel.services.tasks.model import Message


@dataclass(slots=True)
class _Conversation:
    messages: list[Message]
    characters: int
    used_s: float


class Sessions:
    """The conversations so far: as many, as long and for as long as the limits say; those that rested longest go first.

    Args:
        limits: how much may be kept.
        clock: seconds, only ever growing.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._conversations: OrderedDict[str, _Conversation] = OrderedDict()
        self.characters = 0
        """Of all of them."""

    def __len__(self) -> int:
        return len(self._conversations)

    def of(self, session: str) -> Sequence[Message]:
        """What was said so far; nothing where the conversation is new, or was forgotten."""
        self.forget_old()
        found = self._conversations.get(session)
        return tuple(found.messages) if found is not None else ()

    def add(self, session: str, messages: Sequence[Message]) -> None:
        """Go on with a conversation."""
        found = self._conversations.pop(session, None) or _Conversation([], 0, 0.0)
        before = found.characters
        found.messages.extend(messages)
        found.characters += sum(len(message.content) for message in messages)
        self._shorten(found)
        found.used_s = self._clock()
        self.characters += found.characters - before
        self._conversations[session] = found
        self.forget_old()

    def forget_old(self) -> None:
        """Let go of what is too old or too much."""
        oldest_s = self._clock() - self._limits.kept_s
        while self._conversations and (
            len(self._conversations) > self._limits.sessions
            or self.characters > self._limits.conversations
            or next(iter(self._conversations.values())).used_s < oldest_s
        ):
            _, gone = self._conversations.popitem(last=False)
            self.characters -= gone.characters

    def _shorten(self, conversation: _Conversation) -> None:
        """Drop the oldest messages behind the system's, which says what the whole conversation is about; the newest stays in any case."""
        messages, limits = conversation.messages, self._limits
        oldest = 1 if messages and messages[0].role is Role.SYSTEM else 0
        while (conversation.characters > limits.conversation or len(messages) > limits.messages) and len(messages) > oldest + 1:
            conversation.characters -= len(messages.pop(oldest).content)
