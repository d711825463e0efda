"""Draws a dashboard's page in Chromium and takes its picture. Nothing listens: the browser's requests are answered from the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import sync_playwright

from tools.dashboards_preview.results import COLUMN_PX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from playwright.sync_api import Page, Route

ORIGIN: Final = "http://preview.invalid"
PADDING_PX: Final = 16
WIDTH_PX: Final = 24 * COLUMN_PX
SWITCHES: Final = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def take(chromium: Path, bundle: Path, given: Mapping[str, Any], picture: Path) -> None:
    """Write the picture of what results.py made.

    Raises:
        RuntimeError: the page could not draw it; the message has its words.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        page = browser.new_page(viewport={"width": WIDTH_PX + 2 * PADDING_PX, "height": 800}, color_scheme="dark", timezone_id="UTC")
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.route("**/*", lambda route: _answer(route, bundle))
        page.goto(f"{ORIGIN}/index.html")
        page.set_default_timeout(15_000)
        page.evaluate("([given, width]) => draw(given, width)", [given, WIDTH_PX])
        _wait(page)
        page.set_viewport_size({"width": WIDTH_PX + 2 * PADDING_PX, "height": page.evaluate("document.documentElement.scrollHeight")})
        _wait(page)
        page.screenshot(path=picture)
        browser.close()
    if faults:
        raise RuntimeError(f"{picture.stem}: {'; '.join(faults)}")


def _wait(page: Page) -> None:
    """Until every panel has something in it, and nothing has changed for two frames."""
    page.wait_for_function("document.querySelector('[data-panels]')?.dataset.panels == document.querySelectorAll('[data-drawn]').length")
    page.wait_for_load_state("networkidle")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def _answer(route: Route, bundle: Path) -> None:
    path = route.request.url.removeprefix(f"{ORIGIN}/")
    # Grafana's app has its icons below public/build.
    file = bundle / path.removeprefix("public/build/")
    if file.is_file():
        route.fulfill(path=file)
    else:
        route.fulfill(status=404)
