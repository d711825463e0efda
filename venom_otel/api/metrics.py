"""`/api/v1/metrics`: what applications measured, by series and time."""

from __future__ import annotations

import time
from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from venom_otel import semconv
from venom_otel.api.models import plain, utc
from venom_otel.api.parameters import MAX_CURSOR, Moment, Parameters, attributes
from venom_otel.api.problems import responses
from venom_otel.services.moments import moment
from venom_otel.store.protocol import MetricFilter, MetricKind

if TYPE_CHECKING:
    from venom_otel.services.history import History
    from venom_otel.store.protocol import MetricPoint, MetricSeries

MAX_SERIES: Final = 500
MAX_POINTS: Final = 5000


class SeriesQuery(Parameters):
    """Which series; every parameter that is given must hold."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, description="The metric's name, exactly.", examples=[semconv.METRIC_TOKEN_USAGE])
    service: str | None = Field(None, description="`service.name` of the application, exactly.", examples=["chat-api"])
    attribute: Annotated[list[str], AfterValidator(attributes)] = Field(
        default_factory=list,
        description="`name=value` of a point's attribute; may be given several times.",
        examples=[[f"{semconv.LLM_PROVIDER}=vllm"]],
    )
    since: Moment | None = Field(None, description="Only series with a point then or later: a time, or how long ago.", examples=["15m"])
    limit: int = Field(100, ge=1, le=MAX_SERIES, description="Most series.")

    def which(self) -> MetricFilter:
        """The filter as the services take it."""
        pairs = (pair.partition("=") for pair in self.attribute)
        since = moment(self.since, time.time_ns()) if self.since else None
        return MetricFilter(name=self.name, service=self.service, attributes={name: value for name, _, value in pairs}, since_ns=since)


class PointQuery(Parameters):
    """Which points of a series."""

    model_config = ConfigDict(extra="forbid")

    since: Moment = Field("1h", description="A time, or how long ago.")
    until: Moment = Field("0s", description="As `since`; now where it is not given.")
    limit: int = Field(1000, ge=1, le=MAX_POINTS, description="Most points; where there are more, the newest.")


_SERIES_EXAMPLE: Final[dict[str, Any]] = {
    "id": 12,
    "name": semconv.METRIC_OPERATION_DURATION,
    "kind": "histogram",
    "unit": "s",
    "description": "Duration of a call to a model.",
    "temporality": "cumulative",
    "monotonic": None,
    "service": "chat-api",
    "scope": semconv.SCOPE,
    "attributes": {semconv.LLM_PROVIDER: "vllm"},
    "resource": {semconv.SERVICE_NAME: "chat-api"},
    "newest": "2026-11-22T21:04:05.123456Z",
}


class Series(BaseModel):
    """One stream of points: a metric of one application with one set of attributes."""

    id: int = Field(description="What `/metrics/{id}/points` takes.")
    name: str
    kind: MetricKind
    unit: str
    description: str
    temporality: str | None = Field(description="`cumulative` or `delta`; null for gauges and summaries.")
    monotonic: bool | None = Field(description="Whether a sum only grows; null for other kinds.")
    service: str | None
    scope: str = Field(description="The instrumentation that measured it.")
    attributes: dict[str, Any]
    resource: dict[str, Any]
    newest: datetime = Field(description="Time of its newest point.")


class SeriesList(BaseModel):
    """Series by name, then service, then attributes."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [_SERIES_EXAMPLE]}})

    items: list[Series]


class Point(BaseModel):
    """One data point; which fields are set depends on the series' kind."""

    at: datetime
    since: datetime | None = Field(description="When a cumulative or delta value began to be counted.")
    value: float | None = Field(description="Of a gauge or a sum.")
    count: int | None
    sum: float | None
    min: float | None
    max: float | None
    buckets: list[tuple[float | None, int]] = Field(description="Upper bound, null for the last, and count of values; not cumulated.")
    quantiles: list[tuple[float, float]] = Field(description="Of a summary: quantile, value.")


class Points(BaseModel):
    """The points of one series, by time."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "at": _SERIES_EXAMPLE["newest"],
                        "since": "2026-11-22T21:00:00Z",
                        "value": None,
                        "count": 3,
                        "sum": 2.4,
                        "min": 0.6,
                        "max": 1.1,
                        "buckets": [[0.64, 1], [1.28, 2], [None, 0]],
                        "quantiles": [],
                    }
                ]
            }
        }
    )

    items: list[Point]


def metrics_router(history: History) -> APIRouter:
    """The routes over one history."""
    router = APIRouter(
        prefix="/metrics", tags=["metrics"], responses=responses(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.UNPROCESSABLE_ENTITY)
    )

    @router.get("")
    async def list_series(query: Annotated[SeriesQuery, Query()]) -> SeriesList:
        """Series by name, service and attributes."""
        return SeriesList(items=[_series(one) for one in await history.metric_series(query.which(), query.limit)])

    @router.get("/{series}/points")
    async def list_points(
        series: Annotated[int, Path(ge=0, le=MAX_CURSOR, description="A series' `id`.")], query: Annotated[PointQuery, Query()]
    ) -> Points:
        """The points of one series; none where there is no such series, or nothing was measured then."""
        now = time.time_ns()
        found = await history.metric_points(series, moment(query.since, now), moment(query.until, now), query.limit)
        return Points(items=[_point(one) for one in found])

    return router


def _series(one: MetricSeries) -> Series:
    return Series(
        id=one.id,
        name=one.name,
        kind=one.kind,
        unit=one.unit,
        description=one.description,
        temporality=one.temporality,
        monotonic=one.monotonic,
        service=one.service,
        scope=one.scope,
        attributes=plain(one.attributes),
        resource=plain(one.resource),
        newest=utc(one.last_ns),
    )


def _point(one: MetricPoint) -> Point:
    return Point(
        at=utc(one.time_ns),
        since=None if one.start_ns is None else utc(one.start_ns),
        value=one.value,
        count=one.count,
        sum=one.sum,
        min=one.min,
        max=one.max,
        buckets=[(None if bound == float("inf") else bound, count) for bound, count in one.buckets],
        quantiles=list(one.quantiles),
    )
