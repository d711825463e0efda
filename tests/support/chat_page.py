"""What a chat page shows of an answer, and when, as the browser itself has it: the start page's and `/lite`'s.

Both have one text field, an element of role `log`, and in it for each answer an `.answer-text` that holds its text and nothing else.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from venom_otel.cli.client import server_sent

if TYPE_CHECKING:
    import httpx
    from playwright.sync_api import Page

WAIT_S = 60.0

_WATCH = """() => {
    const log = document.querySelector("[role=log]");
    const before = log.querySelectorAll(".answer-text").length;
    const seen = (window.venomSeen = { begun: null, came: [] });
    let length = 0;
    addEventListener("keydown", event => { if (event.key === "Enter") seen.begun ??= performance.now(); }, true);
    new MutationObserver(() => {
        const text = log.querySelectorAll(".answer-text")[before]?.textContent ?? "";
        if (text.length > length) seen.came.push([performance.now(), (length = text.length)]);
    }).observe(log, { subtree: true, childList: true, characterData: true });
}"""


class Came(NamedTuple):
    """An answer had so many characters, so many seconds after it was asked for."""

    seconds: float
    characters: int


@dataclass(frozen=True)
class Times:
    """Of one answer, in seconds."""

    first: float
    last: float


def times(came: list[Came]) -> Times:
    """When the first of an answer came, and when it was whole."""
    return Times(came[0].seconds, came[-1].seconds)


def first_token(page: Page, prompt: str, length: int | None = None, timeout_s: float = WAIT_S) -> list[Came]:
    """Ask on a page; what it showed of the answer, and when, counted from the press of the key.

    Args:
        page: it shows a chat.
        prompt: what to ask.
        length: characters to wait for; None for whatever comes first.
        timeout_s: for all of it.

    Raises:
        playwright.sync_api.TimeoutError: not so much came in time.
    """
    page.evaluate(_WATCH)
    field = page.locator("textarea").first
    field.fill(prompt)
    field.press("Enter")
    page.wait_for_function("least => (window.venomSeen.came.at(-1)?.[1] ?? 0) >= least", arg=length or 1, timeout=timeout_s * 1000)
    seen = page.evaluate("window.venomSeen")
    return [Came((at - seen["begun"]) / 1000, characters) for at, characters in seen["came"]]


def by_stream(client: httpx.Client, prompt: str, **wanted: object) -> list[Came]:
    """Ask by the API, read the stream; `client` is at `/api/v1` and has the token."""
    begun, came, characters = time.perf_counter(), [], 0
    task = client.post("/tasks", json={"prompt": prompt, **wanted}).raise_for_status().json()
    with client.stream("GET", f"/tasks/{task['task_id']}/stream") as answer:
        for event in server_sent(answer.iter_lines()):
            if event.name == "token":
                characters += len(event.data["text"])
                came.append(Came(time.perf_counter() - begun, characters))
            elif event.name == "finished":
                assert event.data["status"] == "COMPLETED", json.dumps(event.data)
                return came
    raise AssertionError("the stream ended without an end")
