"""`/api/v1/history`: the requests to models, what they come to, and the traces they belong to."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import StreamingResponse

from venom_otel.api import comparison, figures, models
from venom_otel.api.parameters import CompareQuery, ExportQuery, FigureQuery, RequestQuery  # noqa: TC001 - FastAPI reads them
from venom_otel.api.problems import responses
from venom_otel.services import tables
from venom_otel.services.compare import compare
from venom_otel.services.tables import Format

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from venom_otel.services.history import History
    from venom_otel.services.prices import Prices
    from venom_otel.store.protocol import RequestSummary


_MEDIA_TYPES: Final = {Format.CSV: "text/csv; charset=utf-8", Format.JSONL: "application/jsonl"}
_FILES: Final[dict[str, Any]] = {
    media_type.partition(";")[0]: {
        "schema": {"type": "string"},
        "example": tables.head(form) + "".join(tables.lines(form, [models.REQUEST_EXAMPLE])),
    }
    for form, media_type in _MEDIA_TYPES.items()
}


def history_router(history: History, prices: Prices | None = None) -> APIRouter:
    """The routes over one history, with the prices of tokens where they are known."""
    router = APIRouter(prefix="/history", tags=["history"], responses=responses(HTTPStatus.SERVICE_UNAVAILABLE))

    @router.get("/requests", responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY))
    async def list_requests(query: Annotated[RequestQuery, Query()]) -> models.Requests:
        """The newest requests, newest first; with `after` what has arrived since, oldest first.

        Pages neither repeat nor leave out a request while new ones arrive: cursors count arrivals. Where `text` or `attribute` is given,
        one call looks at a bounded part of what is stored: its page may have few items or none, and `older` says where to go on.
        """
        return models.requests(await history.requests(query.which(), query.limit, search=query.search(), wait_s=query.wait))

    @router.get(
        "/requests/export",
        response_class=StreamingResponse,
        responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY) | {HTTPStatus.OK: {"description": "The file.", "content": _FILES}},
    )
    async def export(query: Annotated[ExportQuery, Query()]) -> StreamingResponse:
        """All requests that match, oldest first, as a file: CSV, or JSON lines with the objects of the list.

        Those that are there when it begins; however many they are, they come a page at a time.
        """
        pages = history.everything(query.which(), search=query.search())
        first = await anext(pages, None) or []  # before the answer begins: a store that cannot be read is said with its status
        name = f"venom-otel-requests-{datetime.now(UTC):%Y%m%d-%H%M%S}.{query.format}"
        return StreamingResponse(
            _written(query.format, first, pages),
            media_type=_MEDIA_TYPES[query.format],
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )

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

    @router.get("/compare", responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY))
    async def compare_rows(query: Annotated[CompareQuery, Query()]) -> comparison.Comparison:
        """Models and servers side by side: how fast each answers, how often it fails, and what it costs where prices are set.

        Durations are those of completed requests alone. The cost does not grow with the number of requests.
        """
        found = await compare(history, query.window(), query.by, service=tuple(query.service) or None, prices=prices)
        return comparison.comparison(found)

    @router.get("/filters")
    async def filters() -> figures.Choices:
        """The values that each filter can take now, by the requests of the last seven days."""
        return figures.choices(await history.choices())

    return router


async def _written(form: Format, first: Sequence[RequestSummary], rest: AsyncIterator[Sequence[RequestSummary]]) -> AsyncIterator[str]:
    """The file's text, a page of requests at a time."""
    yield tables.head(form)
    yield _lines(form, first)
    async for page in rest:
        yield _lines(form, page)


def _lines(form: Format, page: Sequence[RequestSummary]) -> str:
    return "".join(tables.lines(form, (models.listed(summary).model_dump(mode="json") for summary in page)))
