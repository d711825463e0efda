"""The chat's own components: a Python handle on each script in `assets/`, as in `elements`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nicegui import ui

from venom_otel.cockpit.answer_html import displayable
from venom_otel.cockpit.texts import chat as texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from nicegui.events import GenericEventArguments

LONGEST_BYTES: Final = 900_000
"""Of a message from a browser: NiceGUI's server ends connections that send a million (Engine.IO's `max_http_buffer_size`)."""


class ChatLog(ui.element, component="assets/chat_log.js", dependencies=["assets/tab_session.js"]):
    """Where a conversation stands, in its slot; follows its end. Keeps in the tab which conversation it is.

    Args:
        on_ready: told once, in the browser's own words, what the tab had kept; None for a new one.
    """

    def __init__(self, on_ready: Callable[[Any], Awaitable[None]]) -> None:
        super().__init__()
        self._props["texts"] = {"title": texts.CONVERSATION, "newest": texts.NEWEST}

        async def ready(event: GenericEventArguments) -> None:
            await on_ready(event.args)

        self.on("ready", ready)

    def keep(self, state: Mapping[str, Any]) -> None:
        """Keep this in the tab's own storage: ids and choices alone, for a browser writes it to disk."""
        self.run_method("keep", state)

    def to_end(self) -> None:
        """Show the end, and follow it."""
        self.run_method("toEnd")


class AnswerText(ui.element, component="assets/answer_text.js"):
    """The text of an answer: what comes is appended, what is whole is shown as HTML, which the browser sanitises once more."""

    def __init__(self) -> None:
        super().__init__()
        self._props["texts"] = {"copy": texts.COPY, "copied": texts.COPIED, "copyCode": texts.COPY_CODE}

    def append(self, text: str) -> None:
        """Add what has come."""
        self.run_method("append", displayable(text))

    def show(self, html: str) -> None:
        """Show the whole instead of what has come so far."""
        self._props["html"] = displayable(html)


class ChatInput(ui.element, component="assets/chat_input.js"):
    """Where one writes.

    Args:
        on_send: takes what is to be sent.
        on_long: takes how long it is where it is too long to be sent.
        on_stop: ends what is under way.
        on_focus: told when the reader comes here, before anything is written.
    """

    def __init__(
        self,
        *,
        on_send: Callable[[str], Awaitable[None]],
        on_long: Callable[[int], Awaitable[None]],
        on_stop: Callable[[], Awaitable[None]],
        on_focus: Callable[[], None],
    ) -> None:
        super().__init__()
        self._props["texts"] = {"label": texts.MESSAGE, "placeholder": texts.PLACEHOLDER, "send": texts.SEND, "stop": texts.STOP}
        self._props.update(longest=LONGEST_BYTES, busy=False)

        async def sent(event: GenericEventArguments) -> None:
            await on_send(str(event.args))

        async def too_long(event: GenericEventArguments) -> None:
            await on_long(int(event.args))

        self.on("send", sent)
        self.on("long", too_long)
        self.on("stop", on_stop, [])
        self.on("entered", on_focus, [])

    def refused(self, text: str) -> None:
        """Give back what was sent, for the reader to change or to send later."""
        self.run_method("refused", displayable(text))

    def focus(self) -> None:
        """Let the reader write."""
        self.run_method("focus")

    def show_busy(self, *, busy: bool) -> None:
        """Show whether something is under way that can be stopped."""
        self._props["busy"] = busy
