"""What a chat page shows of an answer, and when, as the browser itself has it: the start page's and `/lite`'s.

Both have one text field, an element of role `log`, and in it for each answer an `.answer-text` that holds its text and nothing else.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from support.patience import WAIT_S

from venom_otel.cli.client import server_sent

if TYPE_CHECKING:
    import httpx
    from playwright.sync_api import Page

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


class Times(NamedTuple):
    """Of one answer, in seconds since it was asked for."""

    first: float
    """When the first of it was there."""
    last: float
    """When all of it was."""


def first_token(page: Page, prompt: str, timeout_s: float = WAIT_S) -> float:
    """Ask on a page that shows a chat; the seconds from the press of the key until the first of the answer was in the document.

    Raises:
        playwright.sync_api.TimeoutError: nothing came in time.
    """
    page.evaluate(_WATCH)
    field = page.locator("textarea").first
    field.fill(prompt)
    field.press("Enter")
    page.wait_for_function("() => window.venomSeen.came.length", timeout=timeout_s * 1000)
    return page.evaluate("(window.venomSeen.came[0][0] - window.venomSeen.begun) / 1000")


def shown(page: Page, client: httpx.Client, prompt: str, timeout_s: float = WAIT_S) -> Times:
    """Ask on a page, and wait until all of the answer is in the document; `client` as for `by_stream`, and nobody else asks meanwhile."""
    first = first_token(page, prompt, timeout_s)
    task = client.get("/tasks", params={"limit": 1}).raise_for_status().json()["items"][0]
    with client.stream("GET", f"/tasks/{task['task_id']}/stream") as answer:
        assert [event.data["status"] for event in server_sent(answer.iter_lines()) if event.name == "finished"] == ["COMPLETED"]
    text = client.get(f"/tasks/{task['task_id']}").raise_for_status().json()["answer"]
    # As Markdown, words lose the space before the first.
    least = len(text.strip())
    page.wait_for_function("least => window.venomSeen.came.at(-1)[1] >= least", arg=least, timeout=timeout_s * 1000)
    last = page.evaluate(
        "least => (window.venomSeen.came.find(([, length]) => length >= least)[0] - window.venomSeen.begun) / 1000", arg=least
    )
    return Times(first, last)


def by_stream(client: httpx.Client, prompt: str, **wanted: object) -> Times:
    """Ask by the API, read the stream and nothing else; `client` is at `/api/v1` and has the token."""
    begun = time.perf_counter()
    came: list[float] = []
    task = client.post("/tasks", json={"prompt": prompt, **wanted}).raise_for_status().json()
    with client.stream("GET", f"/tasks/{task['task_id']}/stream") as answer:
        for event in server_sent(answer.iter_lines()):
            if event.name == "token":
                came.append(time.perf_counter() - begun)
            elif event.name == "finished":
                assert event.data["status"] == "COMPLETED", event.data
                return Times(came[0], came[-1])
    raise AssertionError("the stream ended without an end")
