"""The header's box: which model is active, how its server is, and who answers instead and why, by calls that are really routed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from playwright.sync_api import expect
from support import behaviours, dialects, personas
from support.app import MODELS, OLLAMA, OPENAI, history, settings_for
from support.chat_server import ChatServer
from support.cockpit import Application, Cockpit
from support.patience import WAIT_S
from support.routing import services_for

import venom_otel
from venom_otel.cockpit import texts
from venom_otel.cockpit.texts import header
from venom_otel.runtimes.friendly import friendly_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.browser


class MayEnd(ChatServer):
    """A server that a test may end before its fixture does."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.end = contextlib.ExitStack()

    def __enter__(self):
        super().__enter__()
        self.end.push(super().__exit__)
        return self

    def __exit__(self, *_: object) -> None:
        self.end.close()


@pytest.fixture
def vllm() -> MayEnd:
    return MayEnd(personas.vllm, {"server": "uvicorn"})


@pytest.fixture
def servers(vllm) -> Iterator[dict[str, ChatServer]]:
    """A vLLM, the first choice, and an Ollama, both answering well."""
    with vllm as first, ChatServer(personas.ollama) as ollama:
        for server in (first, ollama):
            server.play(behaviours.answers())
        yield {OPENAI: first, OLLAMA: ollama}


@pytest.fixture
def names(servers) -> dict[str, str]:
    """What people call the two."""
    ports = {connector: server.url.rpartition(":")[2] for connector, server in servers.items()}
    return {
        OPENAI: f"{friendly_name(MODELS[OPENAI])} (vLLM @ {ports[OPENAI]})",
        OLLAMA: f"{friendly_name(MODELS[OLLAMA])} (Ollama @ {ports[OLLAMA]})",
    }


@pytest.fixture
def variables(servers) -> dict[str, str]:
    """What the cockpit is started with; a test may ask for others."""
    addresses = {"VLLM_ENDPOINT": servers[OPENAI].url, "OLLAMA_ENDPOINT": servers[OLLAMA].url}
    return {**addresses, "LLM_MODEL_NAME": MODELS[OPENAI], "LLM_LOCAL_ENDPOINT": f"{servers[OPENAI].url}/v1"}


@pytest.fixture
def cockpit(tmp_path: Path, variables: dict[str, str]) -> Iterator[Cockpit]:
    with Cockpit(tmp_path, VENOM_OTEL_PROBE_INTERVAL_S="1", **variables) as running:
        yield running


@pytest.fixture
def telemetry(cockpit) -> Iterator[dict[str, Any]]:
    """What sends an application's spans, and nothing else; an SDK of the package's own would stay in the process for good."""
    provider = TracerProvider(resource=Resource({"service.name": "support-bot"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{cockpit.otlp}/v1/traces", timeout=WAIT_S)))
    yield {"tracer_provider": provider, "meter_provider": NoOpMeterProvider(), "logger_provider": NoOpLoggerProvider()}
    provider.shutdown()


@pytest.fixture
def ask(servers, telemetry):
    """An application that asks once through a service over both servers, in a thread: the browser's loop has this one."""

    async def routed(urls: Mapping[str, str]) -> None:
        async with services_for(urls) as services:
            service = venom_otel.fallback(services)
            with venom_otel.instrument(**telemetry):
                assert await service.get_chat_message_contents(history(), settings_for(OPENAI))

    def once(*connectors: str) -> None:
        urls = {connector: servers[connector].url for connector in connectors or (OPENAI, OLLAMA)}
        failed: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(routed(urls))
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        assert not failed

    return once


def box(page):
    return page.locator(".active-model")


def mark(page):
    """The word of the state that stands beside the model which should answer."""
    return box(page).get_by_role("img")


def test_the_configured_model_and_how_its_server_is(open_tab, names, vllm):
    page = open_tab()
    expect(box(page)).to_have_text(f"{header.ACTIVE}{names[OPENAI]}")
    expect(mark(page)).to_have_accessible_name("Ready")
    vllm.end.close()
    expect(mark(page)).to_have_accessible_name("Stopped")
    expect(box(page)).to_have_text(f"{header.ACTIVE}{names[OPENAI]}{texts.STATES['stopped']}")


def test_a_fallback_is_seen_with_its_reason_until_the_first_answers_again(open_tab, names, servers, ask):
    page, other = open_tab(), open_tab("/history")
    ask()
    for tab in (page, other):
        expect(tab.locator(".request")).to_have_count(1)
        expect(box(tab)).to_have_text(f"{header.ACTIVE}{names[OPENAI]}")
    servers[OPENAI].play(behaviours.refuses(dialects.BUSY))
    ask()
    for tab in (page, other):
        expect(box(tab)).to_have_text(f"{header.ANSWERED_BY}{names[OLLAMA]}{header.INSTEAD_OF}{names[OPENAI]}: overloaded")
        expect(mark(tab)).to_have_accessible_name("Ready")
    # What shows it is behind the words.
    box(other).get_by_role("link").click()
    expect(other.get_by_role("heading", level=1)).to_contain_text(MODELS[OLLAMA])
    servers[OPENAI].play(behaviours.answers())
    ask()
    for tab in (page, other):
        expect(box(tab)).to_have_text(f"{header.ACTIVE}{names[OPENAI]}")


def test_a_model_that_is_simply_asked_for(open_tab, names, ask):
    page = open_tab()
    expect(box(page)).to_have_text(f"{header.ACTIVE}{names[OPENAI]}")
    ask(OLLAMA)
    expect(box(page)).to_have_text(
        f"{header.ANSWERED_BY}{names[OLLAMA]}{header.INSTEAD_OF}{names[OPENAI]}: {header.asked_for('support-bot')}"
    )
    expect(page.locator(".active-model.is-alarming")).to_have_count(0)


class TestWithoutOne:
    @pytest.fixture
    def variables(self, servers):
        return {"VLLM_ENDPOINT": servers[OPENAI].url, "OLLAMA_ENDPOINT": servers[OLLAMA].url}

    def test_the_one_that_answers(self, open_tab, names, servers, ask):
        page = open_tab()
        expect(box(page)).to_have_text(header.NO_MODEL)
        ask()
        expect(box(page)).to_have_text(f"{header.ANSWERED_LAST}{names[OPENAI]}")
        expect(box(page)).to_have_accessible_name(header.NEWEST_ANSWER)
        servers[OPENAI].play(behaviours.drops())
        ask()
        expect(box(page)).to_have_text(f"{header.ANSWERED_BY}{names[OLLAMA]}{header.INSTEAD_OF}{names[OPENAI]}: server error")
        ask(OLLAMA)
        expect(box(page)).to_have_text(f"{header.ANSWERED_LAST}{names[OLLAMA]}")

    def test_alerts_are_counted_beside_their_page(self, open_tab, application: Application):
        page = open_tab()
        alerts = page.get_by_role("navigation").get_by_role("link", name="Alerts")
        expect(alerts).to_be_visible()
        expect(page.locator(".nav-count")).to_have_count(0)
        for model in ("one", "two"):
            application.request(model, failure=("500", "server_error", "EngineCore encountered an issue."))
        expect(page.locator(".nav-count")).to_have_text("2")
        expect(page.get_by_role("img", name=header.unacknowledged(2))).to_be_visible()
        page.locator(".alert", has_text="one").get_by_role("button", name=texts.ACKNOWLEDGE).click()
        expect(page.locator(".nav-count")).to_have_text("1")
        application.request("two")
        expect(page.locator(".nav-count")).to_have_count(0)
