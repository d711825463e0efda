"""`/api/v1/events`: all that happens, as server-sent events."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator  # noqa: TC003 - FastAPI reads the annotations
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from venom_otel.api import models
from venom_otel.api.alerts import alert
from venom_otel.api.servers import server
from venom_otel.health import Look
from venom_otel.runtimes.friendly import friendly_name
from venom_otel.services.alerts.model import Alert
from venom_otel.services.events import Missed, ModelChange
from venom_otel.store.protocol import RequestSummary

if TYPE_CHECKING:
    from venom_otel.services.events import Answering, Event, Events
    from venom_otel.services.servers import LlmServers

_CACHED: Final = 1024
"""Events whose text is kept, since all who follow are given the same."""


class WhoAnswered(BaseModel):
    """A model, and who serves it."""

    llm_provider: str
    llm_model: str
    llm_endpoint: str
    friendly_name: str = Field(description="The model's name for people.")


class ActiveModelChanged(BaseModel):
    """Another model, or the same at another server, answers."""

    now: WhoAnswered
    before: WhoAnswered | None
    request_id: str = Field(description="The request that shows it.")


class RequestsMissed(BaseModel):
    """More requests came at once than are told one by one."""

    newer: int = Field(description="GET /api/v1/history/requests has them; this is its cursor.")


class Reset(BaseModel):
    """Events were missed."""

    detail: str = "events were missed: read everything anew"


def events_router(events: Events, servers: LlmServers | None) -> APIRouter:
    """The route over all that happens.

    Args:
        events: what it tells.
        servers: says what a model server can be told; None where none are watched.
    """
    router = APIRouter(prefix="/events", tags=["events"])

    @router.get("", response_class=EventSourceResponse)
    async def follow(
        last_event_id: Annotated[
            str | None, Header(max_length=100, description="The last event that is known; what came since is told first.")
        ] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """All that happens, as it happens, each as JSON in `data`.

        `request`: a request has ended (as in the history). `requests_missed`: more came at once than are told one by one. `server`: a model
        server is in another state. `active_model`: another model, or the same at another server, answers. `alert`: an alert began, grew,
        ended or was acknowledged. `reset`: the reader was too slow or away for too long; read everything anew.
        """
        async for event in events.follow(last_event_id):
            yield ServerSentEvent(event=event.kind, id=event.id, raw_data=text(event))

    @functools.lru_cache(maxsize=_CACHED)
    def text(event: Event) -> str:
        return _body(event, servers).model_dump_json()

    return router


def _body(event: Event, servers: LlmServers | None) -> BaseModel:
    match event.item:
        case RequestSummary() as request:
            return models.listed(request)
        case Missed(newer):
            return RequestsMissed(newer=newer)
        case ModelChange(now, before, request):
            return ActiveModelChanged(now=_who(now), before=None if before is None else _who(before), request_id=request.request_id)
        case Look(known):
            return server(known, {} if servers is None else servers.unsupported(known.runtime))
        case Alert() as known_alert:
            return alert(known_alert)
        case None:
            return Reset()


def _who(answering: Answering) -> WhoAnswered:
    return WhoAnswered(
        llm_provider=answering.provider,
        llm_model=answering.model,
        llm_endpoint=answering.endpoint,
        friendly_name=friendly_name(answering.model) if answering.model else "",
    )
