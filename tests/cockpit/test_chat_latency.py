"""How much later a page shows an answer than the bare stream of the task API has it: as a ratio, of one real Ollama, in one run."""

from __future__ import annotations

from statistics import median

import httpx
import pytest
from support.chat_page import by_stream, first_token, shown
from support.cockpit import Cockpit

pytestmark = [pytest.mark.browser, pytest.mark.ollama, pytest.mark.slow]

TOKEN = "q9-Zs_0123456789abcdef"
PROMPT = "Why is the sky blue?"
ROUNDS = 7
FIRST = 10
"""At most so many times the stream's time to the first token, and the next to the last. Both were 0.9 to 1.3 where this was written."""
LAST = 6


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory, ollama):
    with Cockpit(tmp_path_factory.mktemp("cockpit"), OLLAMA_ENDPOINT=ollama.url, VENOM_OTEL_TOKEN=TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def client(cockpit):
    with httpx.Client(base_url=f"{cockpit.page}/api/v1", timeout=60, headers={"Authorization": f"Bearer {TOKEN}"}) as asking:
        by_stream(asking, PROMPT)  # Semantic Kernel is imported, and the model loaded
        yield asking


@pytest.mark.parametrize("path", ["/", "/lite"])
def test_a_page_shows_an_answer_soon_after_the_stream_has_it(open_tab, client, path, record_property):
    page = open_tab(path)
    page.locator("textarea").first.wait_for()
    first_token(page, PROMPT)
    pairs = [(shown(page, client, PROMPT), by_stream(client, PROMPT, session="beside")) for _ in range(ROUNDS)]
    first, last = (median(page[part] for page, _ in pairs) / median(bare[part] for _, bare in pairs) for part in (0, 1))
    record_property(f"first token on {path}, as a ratio", round(first, 2))
    record_property(f"last token on {path}, as a ratio", round(last, 2))
    assert first < FIRST
    assert last < LAST
