"""`/api/v1/history`: the requests to models and the traces they belong to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from venom_otel.api import models
from venom_otel.api.problems import responses
from venom_otel.services.history import DEFAULT_LIMIT, MAX_LIMIT
from venom_otel.store.protocol import RequestFilter, RequestStatus

if TYPE_CHECKING:
    from venom_otel.services.history import History

MAX_WAIT_S: Final = 30.0

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RequestQuery(BaseModel):
    """Which requests; every parameter that is given must hold."""

    model_config = ConfigDict(extra="forbid")

    provider: str | None = Field(None, description="Who answered, exactly.", examples=["ollama"])
    model: str | None = Field(None, description="The model asked for, exactly.", examples=["llama3.1:8b"])
    endpoint: str | None = Field(None, description="The base URL, exactly.", examples=["http://localhost:11434/v1"])
    service: str | None = Field(None, description="`service.name` of the application that asked, exactly.", examples=["chat-api"])
    status: RequestStatus | None = Field(None, description="How the request ended.")
    error_kind: str | None = Field(None, description="The kind of failure.", examples=["model_not_found"])
    since: datetime | None = Field(None, description="Only requests that began then or later; UTC where no offset is given.")
    until: datetime | None = Field(None, description="Only requests that began then or earlier.")
    after: int | None = Field(None, ge=0, description="A cursor: only what arrived later, oldest first.")
    before: int | None = Field(None, ge=0, description="A cursor: only what arrived earlier, newest first.")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Most items of a page.")
    wait: float = Field(0, ge=0, le=MAX_WAIT_S, description="Seconds to wait for a first item where there is none; to follow with `after`.")

    def which(self) -> RequestFilter:
        """The filter as the services take it."""
        return RequestFilter(
            provider=self.provider,
            model=self.model,
            endpoint=self.endpoint,
            service=self.service,
            status=self.status,
            error_kind=self.error_kind,
            since_ns=_ns(self.since),
            until_ns=_ns(self.until),
            after=self.after,
            before=self.before,
        )


def history_router(history: History) -> APIRouter:
    """The routes over one history."""
    router = APIRouter(prefix="/history", tags=["history"], responses=responses(HTTPStatus.SERVICE_UNAVAILABLE))

    @router.get("/requests", responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY))
    async def list_requests(query: Annotated[RequestQuery, Query()]) -> models.Requests:
        """The newest requests, newest first; with `after` what has arrived since, oldest first.

        Pages neither repeat nor leave out a request while new ones arrive: cursors count arrivals.
        """
        return models.requests(await history.requests(query.which(), query.limit, wait_s=query.wait))

    @router.get("/requests/{request_id}", responses=responses(HTTPStatus.NOT_FOUND))
    async def one_request(request_id: Annotated[str, Path(description="`{trace_id}-{span_id}`.")]) -> models.RequestWithSteps:
        """One request with its steps."""
        found = await history.request(request_id)
        if found is None:
            raise HTTPException(
                HTTPStatus.NOT_FOUND,
                f"no request {request_id!r} is stored: it has not arrived, was deleted with age, or the id is not one. "
                "GET /api/v1/history/requests lists those that are.",
            )
        return models.request(found)

    @router.get("/traces/{trace_id}", responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY))
    async def one_trace(
        trace_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="32 hexadecimal digits, lower case.")],
    ) -> models.Trace:
        """Every stored span of a trace, requests to models and all others."""
        steps = await history.trace(trace_id)
        if not steps:
            raise HTTPException(
                HTTPStatus.NOT_FOUND, f"no span of a trace {trace_id!r} is stored: none has arrived, or all were deleted with age."
            )
        return models.Trace(trace_id=trace_id, steps=models.spans(steps))

    return router


def _ns(time: datetime | None) -> int | None:
    if time is None:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - _EPOCH) // timedelta(microseconds=1) * 1_000
