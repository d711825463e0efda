"""What a page adds to an answer: the time to the first token in its document and the time per token, as ratios to the bare stream.

    python benchmarks/chat.py              20 answers of 100 tokens at each pace, on each page
    python benchmarks/chat.py --quick      5 of them

Each answer is asked for twice, in turn: in Debian's Chromium by the Enter key, and by `POST /api/v1/tasks` with its stream, which httpx
reads. Both ask one model server, which answers at an exact pace. What counts as shown is what is in the page's document, as the browser
itself has it. docs/chat.md has results.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median

import httpx
from playwright.sync_api import Page, sync_playwright
from tasks import TOKEN, TOKENS, running

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

from support.chat_page import Times, by_stream, shown  # noqa: E402 - the tests' own

from tools import chromium  # noqa: E402

PACES_MS = (0, 20)
"""Milliseconds between two tokens: as fast as can be, and 50 tokens a second."""
PAGES = ("/", "/lite")
PROMPT = "Go on."
SWITCHES = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def measure(page: Page, client: httpx.Client, rounds: int) -> dict[str, list[Times]]:
    found: dict[str, list[Times]] = {"page": [], "stream": []}
    for number in range(1 + rounds):
        pair = {"page": shown(page, client, PROMPT), "stream": by_stream(client, PROMPT)}
        if number:  # the first warms up
            for name, each in pair.items():
                found[name].append(each)
    return found


def print_row(path: str, pace_ms: int, found: dict[str, list[Times]]) -> None:
    values = {
        "first token": lambda each: each.first,
        "per token": lambda each: (each.last - each.first) / (TOKENS - 1),
    }
    for words, value in values.items():
        shown_s, bare_s = (median(value(each) for each in found[name]) for name in ("page", "stream"))
        print(
            f"| `{path}` | {pace_ms} ms | {words} | {bare_s * 1e3:.2f} ms | {shown_s * 1e3:.2f} ms | {shown_s / bare_s:.2f} |", flush=True
        )


def measure_at(pace_ms: int, rounds: int) -> None:
    up = [str(Path(sys.executable).with_name("venom-otel")), "up", "--json", "--port", "0", "--otlp-port", "0", "--no-otlp-grpc"]
    with (
        tempfile.TemporaryDirectory() as folder,
        running([sys.executable, str(HERE / "paced_server.py"), str(TOKENS), str(pace_ms)]) as url,
        running([*up, "--data-dir", folder], VLLM_ENDPOINT=f"{url.strip()}/v1", VENOM_OTEL_TOKEN=TOKEN) as ready,
        sync_playwright() as playwright,
    ):
        place = json.loads(ready)["page"]
        browser = playwright.chromium.launch(executable_path=chromium.ensure(), args=SWITCHES)
        with httpx.Client(base_url=f"{place}/api/v1", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
            by_stream(client, PROMPT)
            for path in PAGES:
                page = browser.new_page(base_url=place)
                page.goto(path)
                page.locator("textarea").first.wait_for()
                print_row(path, pace_ms, measure(page, client, rounds))
                page.close()
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    rounds = 5 if parser.parse_args().quick else 20
    print("| page | tokens every | | bare stream | page | ratio |\n|---|---|---|---|---|---|")
    for pace_ms in PACES_MS:
        measure_at(pace_ms, rounds)


if __name__ == "__main__":
    main()
