"""The cockpit's ASGI application: the API now, and below it whatever page is mounted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

import venom_otel
from venom_otel.api import problems
from venom_otel.api.alerts import alerts_router
from venom_otel.api.audit import audit_router
from venom_otel.api.catalogue import catalogue_router
from venom_otel.api.events import events_router
from venom_otel.api.health import health_router
from venom_otel.api.history import history_router
from venom_otel.api.leaving import ReadersMayLeave
from venom_otel.api.links import PREFIX
from venom_otel.api.logs import logs_router
from venom_otel.api.metrics import metrics_router
from venom_otel.api.operations import operations_router
from venom_otel.api.security import SameOrigin, TokenRequired
from venom_otel.api.servers import servers_router
from venom_otel.api.settings import settings_router
from venom_otel.api.store import store_router
from venom_otel.api.tasks import tasks_router
from venom_otel.receiver.hosts import AllowedHosts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import APIRouter

    from venom_otel.api.session import PageSession
    from venom_otel.services.offered import Services
    from venom_otel.settings import CockpitSettings


def create_app(services: Services, settings: CockpitSettings, *, token: str | None = None, session: PageSession | None = None) -> FastAPI:
    """The application for the cockpit's port; a page may be mounted on it before it is served.

    Args:
        services: what the API answers from; routes over what it does not offer are left out.
        settings: which address is listened on and under which names it may be opened.
        token: what write actions ask for; None where none is offered.
        session: lets our own page write without it; None where there is no page that writes over the API.
    """
    app = FastAPI(
        title="venom-otel",
        version=venom_otel.__version__,
        summary="Which model server and which model really answered, and why a request failed.",
        docs_url=None,  # both pages load their scripts from the network
        redoc_url=None,
    )
    for router in _routers(services, TokenRequired(token, session) if token is not None else None):
        app.include_router(router, prefix=PREFIX)
    problems.install(app)
    app.add_middleware(ReadersMayLeave)
    app.add_middleware(SameOrigin, hosts=AllowedHosts.from_settings(settings))
    return app


def _routers(services: Services, writing: TokenRequired | None) -> Iterator[APIRouter]:
    yield health_router(services.history)
    yield history_router(services.history, services.prices)
    yield metrics_router(services.history)
    yield logs_router(services.history)
    yield store_router(services.history, writing)
    if services.servers is not None:
        yield servers_router(services.servers, writing)
    if services.operations is not None:
        yield operations_router(services.operations, writing)
        yield audit_router(services.operations)
    if services.catalogue is not None:
        yield catalogue_router(services.catalogue, writing, services.active_model)
    if services.alerts is not None:
        yield alerts_router(services.alerts, writing)
    if services.events is not None:
        yield events_router(services.events, services.servers)
    if services.tasks is not None and services.servers is not None:
        yield tasks_router(services.tasks, services.servers, writing)
    if services.in_force is not None:
        yield settings_router(services.in_force)
