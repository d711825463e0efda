"""Puts the page on an application: its addresses, and what they show."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi.responses import JSONResponse
from nicegui import Client, ui
from nicegui import app as nicegui_app

from venom_otel.cockpit import texts, theme
from venom_otel.cockpit.active_model import ActiveModelBox
from venom_otel.cockpit.alert_count import AlertCount
from venom_otel.cockpit.alerts.alerts_page import AlertsPage
from venom_otel.cockpit.compare.choice import CompareAddress
from venom_otel.cockpit.compare.compare_page import ComparePage
from venom_otel.cockpit.frame import Header, frame
from venom_otel.cockpit.headers import PageHeaders
from venom_otel.cockpit.history.address import ListAddress
from venom_otel.cockpit.history.history_page import HistoryPage
from venom_otel.cockpit.home.home_page import HomePage
from venom_otel.cockpit.settings.settings_page import SettingsPage
from venom_otel.cockpit.texts import alerts as alert_texts
from venom_otel.cockpit.texts import compare as compare_texts
from venom_otel.cockpit.texts import settings as settings_texts
from venom_otel.cockpit.trace.trace_view import TraceView
from venom_otel.cockpit.words import Words
from venom_otel.services.offered import kept_up

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI, Request, Response

    from venom_otel.services.offered import Services

RECONNECT_S: Final = 10.0
"""A page that was away for no longer goes on as it was, with what came meanwhile; another one loads anew by itself once it is back.

A connection that is dead unnoticed, after a laptop has slept, is found so within 1.2 times as long."""
_PATHS: Final = ("/", "/history", "/compare", "/alerts", "/settings", "/trace/{trace_id}", "/requests/{request_id}")


def mount(app: FastAPI, services: Services, *, otlp_address: str) -> None:
    """Put the page on `app`, below every route that `app` already has.

    Args:
        app: serves the page once it runs; its own routes come first.
        services: where everything shown comes from; parts without their service are left out.
        otlp_address: base URL of the OTLP receiver, shown where nothing has arrived yet.
    """
    history = services.history
    header = Header(
        ActiveModelBox(services.active_model, history) if services.active_model is not None else None,
        AlertCount(services.alerts) if services.alerts is not None else None,
    )
    for part in header:
        if part is not None:
            nicegui_app.on_startup(partial(kept_up, "the header", part.follow))

    def page() -> None:
        address = ListAddress(ui.context.client.sub_pages_router)
        compare_address = CompareAddress(ui.context.client.sub_pages_router)

        async def home() -> None:
            ui.page_title(texts.document_title(texts.NOW))
            await HomePage(services, otlp_address, address).show()

        # Without parameters for the query: a changed filter is no other page.
        async def requests() -> None:
            ui.page_title(texts.document_title(texts.HISTORY))
            await HistoryPage(history, otlp_address, address).show()

        async def trace(trace_id: str, span: str = "") -> None:
            ui.page_title(texts.document_title(trace_id[:8]))
            await TraceView(history, trace_id, span, address).show()

        async def request(request_id: str) -> None:
            trace_id, _, span_id = request_id.partition("-")
            await trace(trace_id, span_id)

        async def compare() -> None:
            ui.page_title(texts.document_title(compare_texts.COMPARE))
            await ComparePage(history, services.prices, otlp_address, compare_address).show()

        async def alerts() -> None:
            ui.page_title(texts.document_title(alert_texts.ALERTS))
            if services.alerts is not None:
                await AlertsPage(services).show()

        async def settings() -> None:
            ui.page_title(texts.document_title(settings_texts.SETTINGS))
            if services.in_force is not None:
                await SettingsPage(services.in_force, history).show()

        with frame(header):
            ui.sub_pages(dict(zip(_PATHS, (home, requests, compare, alerts, settings, trace, request), strict=True)))

    for path in _PATHS:
        ui.page(path)(page)
    nicegui_app.add_middleware(PageHeaders)
    nicegui_app.add_exception_handler(404, no_such_page(header))
    # Quasar's bar over the page while anything is fetched: nobody waits for that here, and no screen reader is told what it is.
    nicegui_app.config.quasar_config["loadingBar"]["skipHijack"] = True
    ui.run_with(
        app,
        title=texts.PRODUCT,
        favicon=(theme.ASSETS / "mark.svg").read_text(encoding="utf-8"),
        dark=None,
        language="en-US",
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=RECONNECT_S,
        binding_refresh_interval=None,
    )


def no_such_page(header: Header) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What answers for an address that leads nowhere: a page for a reader, JSON for a program."""

    async def answer(request: Request, _: Exception) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            status = HTTPStatus.NOT_FOUND
            problem = {"title": status.phrase, "status": status, "detail": texts.NO_ADDRESS.format(path=request.url.path)}
            return JSONResponse(problem, status, media_type="application/problem+json")  # RFC 9457, as the API's other errors
        with Client(ui.page(""), request=request) as client:
            ui.page_title(texts.document_title(texts.NO_PAGE_TITLE))
            with frame(header), ui.element("div").classes("trace-head"):
                ui.link(texts.NOW, "/").classes("back")
                ui.label(texts.NO_PAGE_TITLE).props("role=heading aria-level=1").classes("title")
                Words(texts.NO_PAGE).classes("muted")
        return client.build_response(request, HTTPStatus.NOT_FOUND)

    return answer
