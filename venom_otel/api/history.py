"""`/api/v1/history`: the requests to models, what they come to, and the traces they belong to."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from venom_otel.api import figures, models
from venom_otel.api.parameters import FigureQuery, RequestQuery  # noqa: TC001 - FastAPI reads the annotations
from venom_otel.api.problems import responses

if TYPE_CHECKING:
    from venom_otel.services.history import History


def history_router(history: History) -> APIRouter:
    """The routes over one history."""
    router = APIRouter(prefix="/history", tags=["history"], responses=responses(HTTPStatus.SERVICE_UNAVAILABLE))

    @router.get("/requests", responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY))
    async def list_requests(query: Annotated[RequestQuery, Query()]) -> models.Requests:
        """The newest requests, newest first; with `after` what has arrived since, oldest first.

        Pages neither repeat nor leave out a request while new ones arrive: cursors count arrivals. Where `text` or `attribute` is given,
        one call looks at a bounded part of what is stored: its page may have few items or none, and `older` says where to go on.
        """
        return models.requests(await history.requests(query.which(), query.limit, search=query.search(), wait_s=query.wait))

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
        """Everything that is stored of a trace: requests to models and all other spans, and the log records."""
        found = await history.trace(trace_id)
        if not found:
            raise HTTPException(
                HTTPStatus.NOT_FOUND, f"nothing of a trace {trace_id!r} is stored: none of it has arrived, or all was deleted with age."
            )
        return models.trace(trace_id, found)

    @router.get("/aggregates", responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY))
    async def aggregates(query: Annotated[FigureQuery, Query()]) -> figures.Overview:
        """How many requests, how many failed, how long they took and what they used, by group and step of time.

        The cost does not grow with the number of requests: it comes from roll-ups by the minute and the hour.
        """
        return figures.overview(await history.overview(query.window(), query.named(), query.by))

    @router.get("/filters")
    async def filters() -> figures.Choices:
        """The values that each filter can take now, by the requests of the last seven days."""
        return figures.choices(await history.choices())

    return router
