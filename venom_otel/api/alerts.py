"""`/api/v1/alerts`: what is wrong now, and what was lately."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from venom_otel import semconv
from venom_otel.api.models import utc
from venom_otel.api.problems import responses
from venom_otel.api.security import By  # noqa: TC001 - FastAPI reads the annotations
from venom_otel.services.alerts.model import AlertKind, summary

if TYPE_CHECKING:
    from venom_otel.api.security import TokenRequired
    from venom_otel.services.alerts.model import Alert as Known
    from venom_otel.services.alerts.watch import Alerts as Watch

ALERT_EXAMPLE: Final[dict[str, Any]] = {
    "id": "9f86d081884c7d65-18a5c1a2f3b4c5d6",
    "kind": semconv.ALERT_PROVIDER_ERROR,
    "summary": "gemma-3-4b-it at http://127.0.0.1:8001/v1 (vllm): server_error, 12 times",
    "llm_provider": "vllm",
    "llm_model": "gemma-3-4b-it",
    "llm_endpoint": "http://127.0.0.1:8001/v1",
    "service": "chat-api",
    "error": {"kind": "server_error", "code": "500", "words": "EngineCore encountered an issue."},
    "count": 12,
    "first_at": "2026-11-22T21:04:05.123456Z",
    "last_at": "2026-11-22T21:07:35.223456Z",
    "trace_id": "5b8efff798038103d269b633813fc60c",
    "request_id": "5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174",
    "active": False,
    "resolved_at": "2026-11-22T21:09:05.123456Z",
    "resolution": "the same model at the same server has answered again",
    "acknowledged_at": "2026-11-22T21:05:05.123456Z",
    "acknowledged_by": "token",
}


class Which(StrEnum):
    """Which alerts."""

    ACTIVE = "active"
    RESOLVED = "resolved"
    ALL = "all"


class AlertError(BaseModel):
    """What went wrong, of the newest trouble."""

    kind: str | None = Field(description="The failure told apart by the reply's words; null where a server is offline.")
    code: str | None = Field(description="The HTTP status, `timeout`, the class of the cause; of a server the reason of its state.")
    words: str | None = Field(description="The server's or the client's own words.")


class Alert(BaseModel):
    """Equal troubles, counted, from the first until things are right again."""

    model_config = ConfigDict(json_schema_extra={"example": ALERT_EXAMPLE})

    id: str
    kind: AlertKind
    summary: str = Field(description="In one line.")
    llm_provider: str | None
    llm_model: str | None = Field(description="The model asked for; null where a server is offline.")
    llm_endpoint: str | None
    service: str | None = Field(description="The application that saw the newest trouble.")
    error: AlertError
    count: int = Field(description="How many equal troubles.")
    first_at: datetime
    last_at: datetime
    trace_id: str | None = Field(description="Of the newest trouble.")
    request_id: str | None
    active: bool = Field(description="Whether things are still wrong.")
    resolved_at: datetime | None
    resolution: str | None = Field(description="How it was seen that things are right again.")
    acknowledged_at: datetime | None
    acknowledged_by: str | None = Field(description="Who took note, by the road taken: `token`, `page`.")


class Alerts(BaseModel):
    """Active alerts first, then those that ended lately; in each the newest first."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [ALERT_EXAMPLE], "active": 0}})

    items: list[Alert]
    active: int = Field(description="How many are active, whichever were asked for.")


def alerts_router(alerts: Watch, writing: TokenRequired | None) -> APIRouter:
    """The routes over the alerts.

    Args:
        alerts: what they ask.
        writing: lets through who may acknowledge; None where that is not offered.
    """
    router = APIRouter(prefix="/alerts", tags=["alerts"])

    @router.get("", responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY))
    async def list_alerts(
        state: Annotated[Which, Query(description="Which of them.")] = Which.ALL,
        limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
    ) -> Alerts:
        """What is wrong now, and what was lately; one alert for each kind, model, endpoint and kind of error, with a count."""
        known = alerts.all()
        wanted = [each for each in known if state is Which.ALL or each.active == (state is Which.ACTIVE)]
        return Alerts(items=[alert(each) for each in wanted[:limit]], active=sum(each.active for each in known))

    if writing is not None:

        @router.post(
            "/{alert_id}/ack",
            dependencies=[Depends(writing)],
            responses=responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
        )
        async def acknowledge(alert_id: Annotated[str, Path(description="Its `id` in the list.", max_length=100)], by: By) -> Alert:
            """Take note of an alert. It stays until things are right; its count goes on."""
            found = await alerts.acknowledge(alert_id, by)
            if found is None:
                raise HTTPException(
                    HTTPStatus.NOT_FOUND,
                    f"there is no alert {alert_id!r}: it ended long ago, or the id is not one. GET /api/v1/alerts lists those there are.",
                )
            return alert(found)

    return router


def alert(known: Known) -> Alert:
    """An alert as the API says it."""
    newest, subject = known.newest, known.subject
    return Alert(
        id=known.id,
        kind=subject.kind,
        summary=summary(known),
        llm_provider=newest.provider or None,
        llm_model=subject.model or None,
        llm_endpoint=subject.endpoint or None,
        service=newest.service or None,
        error=AlertError(kind=subject.error_kind or None, code=newest.error_type or None, words=newest.words or None),
        count=known.count,
        first_at=utc(known.first_ns),
        last_at=utc(known.last_ns),
        trace_id=newest.trace_id or None,
        request_id=newest.request_id or None,
        active=known.active,
        resolved_at=None if known.resolved_ns is None else utc(known.resolved_ns),
        resolution=known.resolution,
        acknowledged_at=None if known.acknowledged_ns is None else utc(known.acknowledged_ns),
        acknowledged_by=known.acknowledged_by,
    )
