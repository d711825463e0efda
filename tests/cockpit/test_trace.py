"""The trace behind a request, in a real browser."""

import re

import httpx
import pytest
from playwright.sync_api import expect
from support.cockpit import Cockpit
from support.otlp import SECOND, chat, log_record, log_records, new_trace_id, span, traces

from venom_otel.cockpit import texts
from venom_otel.cockpit.texts import timing
from venom_otel.runtimes.friendly import friendly_label

pytestmark = pytest.mark.browser

FAILURE = ("404", "model_not_found", "model 'x' not found")
FAILURE_WORDS = "404 · model_not_found: model 'x' not found — ollama at http://localhost:11434/v1"
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{{ 7 * 7 }}"


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory):
    """One for the module: nothing here minds what others have sent."""
    with Cockpit(tmp_path_factory.mktemp("cockpit")) as running:
        yield running


def test_trace_behind_a_row(open_tab, application):
    trace_id = application.request("x", failure=FAILURE)
    page = open_tab()
    page.locator(f'.request-link[href*="{trace_id}"]').click()
    expect(page).to_have_url(re.compile(rf"/trace/{trace_id}\?span=[0-9a-f]{{16}}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("x")
    expect(page.locator(".failure-words")).to_have_text(FAILURE_WORDS)
    expect(page.locator(".failure-meaning")).to_have_text("The right server answered that it has no such model.")
    spans = page.get_by_role("treeitem")
    expect(spans.locator(".span-name")).to_have_text(["invoke_agent Support", "chat x", "POST"])
    assert [span.get_attribute("aria-level") for span in spans.all()] == ["1", "2", "3"]
    expect(page.get_by_role("treeitem", selected=True)).to_contain_text("chat x")
    outer, request, inner = [span.locator(".waterfall-bar").bounding_box() for span in spans.all()]
    assert outer["x"] <= request["x"] <= inner["x"]
    assert outer["width"] > request["width"] > inner["width"] > 0
    details = page.locator(".details")
    expect(details.locator(".event")).to_contain_text("exception")
    expect(details.locator(".event")).to_contain_text("openai.NotFoundError")
    expect(details.locator(".attribute", has_text="llm.error.kind")).to_contain_text("model_not_found")
    details.get_by_text(texts.RESOURCE).click()
    expect(details.locator(".attribute", has_text="service.name")).to_contain_text("support-bot")
    spans.last.click()
    expect(details.get_by_role("heading", level=2)).to_have_text("POST")
    expect(page).to_have_url(re.compile(rf"span={spans.last.get_attribute('data-id')}$"))
    page.reload()
    expect(page.get_by_role("treeitem", selected=True)).to_contain_text("POST")


def test_permanent_addresses(open_tab, application, cockpit):
    trace_id = application.request("x", failure=FAILURE)
    request = httpx.get(f"{cockpit.page}/api/v1/history/requests").json()["items"][0]
    for path in (f"/requests/{request['request_id']}", f"/trace/{trace_id}", f"/trace/{trace_id.upper()}"):
        page = open_tab(path)
        expect(page.locator(".failure-words")).to_have_text(FAILURE_WORDS)
        expect(page.get_by_role("treeitem", selected=True)).to_contain_text("chat x")


@pytest.mark.parametrize("trace_id", ["not-an-id", "0" * 32, "<script>"])
def test_nothing_is_stored_there(open_tab, trace_id):
    page = open_tab(f"/trace/{trace_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text(texts.NO_TRACE_TITLE)


def test_a_trace_that_comes_later_and_grows(open_tab, application):
    trace_id, add, finish = application.begin()
    page = open_tab(f"/trace/{trace_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text(texts.NO_TRACE_TITLE)
    add("first step")
    expect(page.locator(".span-name")).to_have_text(["first step"])
    expect(page.get_by_role("heading", level=1)).to_have_text("first step")
    add("second step")
    expect(page.locator(".span-name")).to_have_text(["first step", "second step"])
    finish()
    expect(page.locator(".span-name")).to_have_text(["whole", "first step", "second step"])


def send_logs(cockpit, *records):
    reply = httpx.post(f"{cockpit.otlp}/v1/logs", content=log_records(*records), headers={"Content-Type": "application/x-protobuf"})
    assert reply.status_code == 200


def test_log_records_by_time_and_by_span(open_tab, cockpit):
    root = span(name="ticket", duration_ns=2 * SECOND)
    request = chat(parent=root, start_ns=root.start_time_unix_nano + SECOND)
    begin = root.start_time_unix_nano
    httpx.post(f"{cockpit.otlp}/v1/traces", content=traces(root, request), headers={"Content-Type": "application/x-protobuf"})
    send_logs(
        cockpit,
        log_record("asked too much", of=request, severity=17, said={"quota": 3}, time_ns=begin + SECOND),
        log_record(HOSTILE, of=root, severity=9, time_ns=begin),
        log_record("from elsewhere", trace_id=root.trace_id, severity=0, time_ns=begin + 2 * SECOND),
    )
    page = open_tab(f"/trace/{root.trace_id.hex()}")
    records = page.get_by_role("list", name=texts.LOGS).get_by_role("listitem")
    expect(records.locator(".log-body")).to_have_text([HOSTILE, "asked too much", "from elsewhere"])
    expect(records.locator(".log-severity")).to_have_text(["INFO", "ERROR", texts.NO_SEVERITY])
    expect(records.locator(".log-at")).to_have_text(["+0 µs", "+1.00 s", "+2.00 s"])
    expect(records.locator(".log-span")).to_have_text(["ticket", "chat llama3.1:8b", texts.NO_SPAN])
    details = page.locator(".details")
    expect(details.get_by_role("heading", level=2)).to_have_text("chat llama3.1:8b")
    expect(details.locator(".event.log")).to_have_count(1)
    expect(details.locator(".event.log")).to_contain_text("asked too much")
    expect(details.locator(".event.log .attribute", has_text="quota")).to_contain_text("3")
    records.first.locator("summary").press("Enter")
    expect(details.get_by_role("heading", level=2)).to_have_text("ticket")
    expect(records.first.locator(".attribute", has_text="logger")).to_be_visible()
    assert page.title() != "owned"


def test_log_records_that_come_later(open_tab, cockpit):
    one = chat()
    httpx.post(f"{cockpit.otlp}/v1/traces", content=traces(one), headers={"Content-Type": "application/x-protobuf"})
    page = open_tab(f"/trace/{one.trace_id.hex()}")
    expect(page.get_by_role("treeitem")).to_have_count(1)
    expect(page.get_by_role("heading", name=texts.LOGS)).to_be_hidden()
    send_logs(cockpit, log_record("a second later", of=one))
    expect(page.locator(".log-body")).to_have_text("a second later")


def test_a_trace_of_which_only_log_records_arrived(open_tab, cockpit):
    record = log_record("alone", trace_id=new_trace_id(), severity=13)
    send_logs(cockpit, record)
    page = open_tab(f"/trace/{record.trace_id.hex()}")
    expect(page.get_by_role("heading", level=1)).to_have_text(texts.ONLY_LOGS)
    expect(page.locator(".log-body")).to_have_text("alone")
    expect(page.locator(".log-severity")).to_have_text("WARN")


def test_what_others_wrote_is_only_text(open_tab, application):
    failure = ("500", "server_error", HOSTILE)
    application.request(HOSTILE, provider=HOSTILE, endpoint=HOSTILE, failure=failure, attributes={HOSTILE: HOSTILE, "list": [HOSTILE]})
    application.request(HOSTILE, provider=HOSTILE, endpoint=HOSTILE)  # into the header's mark
    page = open_tab()
    failed = page.locator(".request.is-failed").first
    expect(failed.locator(".cell-error")).to_contain_text(HOSTILE)
    expect(failed.locator(".model")).to_have_text(HOSTILE)
    expect(page.locator(".active-label")).to_have_text(friendly_label(HOSTILE, HOSTILE, None))
    failed.click()
    attribute = page.locator(".attribute", has=page.locator("dt", has_text="</script>"))
    expect(attribute.locator("dd")).to_have_text(HOSTILE)
    expect(page.locator(".failure-words")).to_contain_text(HOSTILE)
    assert page.title() != "owned"
    assert page.locator("img").count() == 0


def test_where_the_time_went(open_tab, cockpit):
    told = {"gen_ai.response.time_to_first_chunk": 2.5, "llm.timing.load": 0.5, "llm.timing.prompt": 0.25, "llm.timing.generation": 1.0}
    sent = chat("ollama", more=told | {"llm.cold_start": True}, duration_ns=4 * SECOND)
    tries = [
        span({"url.full": "http://ollama:1/api/chat"}, name="POST", parent=sent, start_ns=sent.start_time_unix_nano + at * SECOND)
        for at in (0, 1)
    ]
    httpx.post(
        f"{cockpit.otlp}/v1/traces", content=traces(sent, *tries), headers={"Content-Type": "application/x-protobuf"}
    ).raise_for_status()
    page = open_tab(f"/trace/{sent.trace_id.hex()}")
    bar = page.get_by_role("region", name=timing.TITLE)
    figures = ["Earlier tries1.00 s25\u202f%", f"{timing.COLD_START}500 ms12\u202f%", "Prompt250 ms6.2\u202f%", "Generation1.00 s25\u202f%"]
    expect(bar.get_by_role("listitem")).to_have_text([*figures, "Network and application500 ms12\u202f%", "Unknown750 ms19\u202f%"])
    expect(bar.locator(".timing-why")).to_have_text(
        f"Ollama does not tell how long a request waits for its turn; the way there and back is in it, too. {timing.tries(2)}"
    )
    widths = [part.bounding_box()["width"] for part in bar.locator(".timing-part").all()]
    assert [round(width / sum(widths), 2) for width in widths] == [0.25, 0.12, 0.06, 0.25, 0.12, 0.19]
