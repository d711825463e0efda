"""The cockpit's ASGI application: the API now, and below it whatever page is mounted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

import venom_otel
from venom_otel.api import problems
from venom_otel.api.audit import audit_router
from venom_otel.api.health import health_router
from venom_otel.api.history import history_router
from venom_otel.api.links import PREFIX
from venom_otel.api.logs import logs_router
from venom_otel.api.metrics import metrics_router
from venom_otel.api.operations import operations_router
from venom_otel.api.security import SameOrigin
from venom_otel.api.servers import servers_router
from venom_otel.api.store import store_router
from venom_otel.receiver.hosts import AllowedHosts

if TYPE_CHECKING:
    from venom_otel.services.history import History
    from venom_otel.services.operations import Operations
    from venom_otel.services.servers import LlmServers
    from venom_otel.settings import CockpitSettings


def create_app(
    history: History,
    settings: CockpitSettings,
    *,
    token: str | None = None,
    servers: LlmServers | None = None,
    operations: Operations | None = None,
) -> FastAPI:
    """The application for the cockpit's port; a page may be mounted on it before it is served.

    Args:
        history: what the API answers from.
        settings: which address is listened on and under which names it may be opened.
        token: what write actions ask for; None where none is offered.
        servers: the model servers; None where none are watched.
        operations: what they are told; None where they are told nothing.
    """
    app = FastAPI(
        title="venom-otel",
        version=venom_otel.__version__,
        summary="Which model server and which model really answered, and why a request failed.",
        docs_url=None,  # both pages load their scripts from the network
        redoc_url=None,
    )
    app.include_router(health_router(history), prefix=PREFIX)
    app.include_router(history_router(history), prefix=PREFIX)
    app.include_router(metrics_router(history), prefix=PREFIX)
    app.include_router(logs_router(history), prefix=PREFIX)
    app.include_router(store_router(history, token), prefix=PREFIX)
    if servers is not None:
        app.include_router(servers_router(servers, token), prefix=PREFIX)
    if operations is not None:
        app.include_router(operations_router(operations), prefix=PREFIX)
        app.include_router(audit_router(operations), prefix=PREFIX)
    problems.install(app)
    app.add_middleware(SameOrigin, hosts=AllowedHosts.from_settings(settings))
    return app
