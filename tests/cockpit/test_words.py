"""Commands and variables in words are shown as code, and nothing else in them is ever markup: by the server and by scripts alike."""

import pytest
from playwright.sync_api import expect

from venom_otel.cockpit import theme
from venom_otel.cockpit.texts import chat
from venom_otel.cockpit.words import html, plain

WORDS = {
    "": ("", ""),
    "Nothing to see.": ("Nothing to see.", "Nothing to see."),
    "start `venom-otel up` again": ("start <code>venom-otel up</code> again", "start venom-otel up again"),
    "set VLLM_START_COMMAND, or LLM_MODEL_NAME.": (
        "set <code>VLLM_START_COMMAND</code>, or <code>LLM_MODEL_NAME</code>.",
        "set VLLM_START_COMMAND, or LLM_MODEL_NAME.",
    ),
    "`LLM_MODEL_NAME=x y`": ("<code>LLM_MODEL_NAME=x y</code>", "LLM_MODEL_NAME=x y"),
    "a ` alone, `` two, and\n`over\na line`": ("a ` alone, `` two, and\n`over\na line`", "a ` alone, `` two, and\n`over\na line`"),
    "Q4_K_M, HTTP, A_B and MY_VARIABLEs": ("Q4_K_M, HTTP, A_B and MY_VARIABLEs", "Q4_K_M, HTTP, A_B and MY_VARIABLEs"),
    "é_LLM_NAME LLM_NAMEé": ("é_LLM_NAME <code>LLM_NAME</code>é", "é_LLM_NAME LLM_NAMEé"),
    "<img src=x onerror='x()'> & \"`<b>`\"": (
        "&lt;img src=x onerror=&#x27;x()&#x27;&gt; &amp; &quot;<code>&lt;b&gt;</code>&quot;",
        "<img src=x onerror='x()'> & \"<b>\"",
    ),
    "`<script>alert(1)</script>`": ("<code>&lt;script&gt;alert(1)&lt;/script&gt;</code>", "<script>alert(1)</script>"),
}


@pytest.mark.parametrize(("text", "shown"), WORDS.items())
def test_code_is_code_and_all_else_is_text(text, shown):
    assert (html(text), plain(text)) == shown


@pytest.mark.browser
def test_scripts_do_the_same(browser):
    module = (theme.ASSETS / "venom_words.js").read_text(encoding="utf-8")
    look = """async ([module, all]) => {
        const { pieces, plain } = await import(`data:text/javascript,${encodeURIComponent(module)}`);
        const code = (text) => Object.assign(document.createElement("code"), { textContent: text });
        return all.map((text) => {
            const shown = document.createElement("p");
            shown.append(...pieces(text).map((piece) => (piece.code ? code(piece.text) : piece.text)));
            return [shown.innerHTML, plain(text)];
        });
    }"""
    meant = """all => all.map((html) => Object.assign(document.createElement("p"), { innerHTML: html }).innerHTML)"""
    page = browser.new_page()
    said = page.evaluate(look, [module, list(WORDS)])
    markup = page.evaluate(meant, [each for each, _ in WORDS.values()])
    page.close()
    assert said == [[each, words] for each, (_, words) in zip(markup, WORDS.values(), strict=True)]


@pytest.mark.browser
def test_on_every_page(open_tab, application):
    said = "The model `<b>x</b>` does not exist: set OPENAI_BASE_URL."
    trace_id = application.request("x", failure=("404", "model_not_found", said))
    places = {
        "/": (".cell-error", ".alert-cause"),
        "/history": (".cell-error",),
        "/alerts": (".alert-row-cause",),
        f"/trace/{trace_id}": (".failure-words",),
        "/lite": (".alert [data-slot=words]",),
    }
    for path, where in places.items():
        page = open_tab(path)
        for each in where:
            shown = page.locator(each).first
            expect(shown).to_contain_text("The model <b>x</b> does not exist: set OPENAI_BASE_URL.")
            expect(shown.locator("code")).to_have_text(["<b>x</b>", "OPENAI_BASE_URL"])
        if not path.startswith("/trace"):  # which has the span's attributes as they were sent
            assert "`" not in page.locator("body").inner_text()


@pytest.mark.browser
def test_where_nothing_is_yet(open_tab):
    page = open_tab()
    expect(page.locator(".servers-none code", has_text="venom-otel init")).to_be_visible()
    page.get_by_role("textbox", name=chat.MESSAGE).fill("Anybody?")
    page.get_by_role("textbox", name=chat.MESSAGE).press("Enter")
    expect(page.locator(".chat-refused code", has_text="venom-otel up")).to_be_visible()
    for path in ("/", "/history", "/compare", "/alerts", "/settings", "/lite"):
        page.goto(path)
        expect(page.locator("h1, [role=heading]").first).to_be_attached()
        assert "`" not in page.locator("body").inner_text()
