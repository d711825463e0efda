"""`/api/v1/logs`: what applications logged."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from venom_otel.api import models
from venom_otel.api.parameters import MAX_CURSOR, Moment, Parameters
from venom_otel.api.problems import responses
from venom_otel.services.logs import MAX_RECORDS
from venom_otel.services.moments import moment
from venom_otel.services.severities import severity_number
from venom_otel.store.protocol import LogFilter

if TYPE_CHECKING:
    from venom_otel.services.history import History
    from venom_otel.services.logs import LogPage
    from venom_otel.store.protocol import LogRecord


def _severity(words: str) -> str:
    severity_number(words)
    return words


class LogQuery(Parameters):
    """Which log records; every parameter that is given must hold."""

    model_config = ConfigDict(extra="forbid")

    service: str | None = Field(None, description="`service.name` of the application, exactly.", examples=["chat-api"])
    severity: Annotated[str, AfterValidator(_severity)] | None = Field(
        None, description="At least so grave: trace, debug, info, warn, error, fatal, or OTLP's number from 1 to 24.", examples=["warn"]
    )
    trace_id: str | None = Field(None, pattern="^[0-9a-f]{32}$", description="32 hexadecimal digits, lower case.")
    span_id: str | None = Field(None, pattern="^[0-9a-f]{16}$", description="16 hexadecimal digits, lower case.")
    text: str = Field("", max_length=1000, description="Stands anywhere in the record; upper and lower case are one.", examples=["quota"])
    since: Moment | None = Field(None, description="Only what happened then or later: ISO 8601, or how long ago.", examples=["15m"])
    until: Moment | None = Field(None, description="Only what happened then or earlier; as `since`.")
    after: int | None = Field(None, ge=0, le=MAX_CURSOR, description="A cursor: only what arrived later, oldest first.")
    before: int | None = Field(None, ge=0, le=MAX_CURSOR, description="A cursor: only what arrived earlier, newest first.")
    limit: int = Field(50, ge=1, le=MAX_RECORDS, description="Most items of a page.")

    def which(self) -> LogFilter:
        """The filter as the services take it."""
        now = time.time_ns()
        return LogFilter(
            service=self.service,
            severity=severity_number(self.severity) if self.severity else None,
            trace_id=self.trace_id,
            span_id=self.span_id,
            text=self.text,
            since_ns=moment(self.since, now) if self.since else None,
            until_ns=moment(self.until, now) if self.until else None,
            after=self.after,
            before=self.before,
        )


_EXAMPLE: Final[dict[str, Any]] = models.LOG_EXAMPLE | {"trace_id": models.TRACE_ID_EXAMPLE, "cursor": 20_250_099_712}


class Record(models.Log):
    """A log record with the trace it belongs to."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    trace_id: str | None
    cursor: int = Field(description="Order of arrival; what `before` and `after` take.")


class Records(BaseModel):
    """One page of log records."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"items": [_EXAMPLE], "older": _EXAMPLE["cursor"], "newer": _EXAMPLE["cursor"]}}
    )

    items: list[Record]
    older: int | None = Field(
        description="Pass as `before` for the next older page, which may be needed after a page with few items or none; null at the end."
    )
    newer: int = Field(description="Of a page asked for without `before`: pass as `after` for what has arrived since.")


def logs_router(history: History) -> APIRouter:
    """The route over one history."""
    router = APIRouter(tags=["logs"], responses=responses(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.UNPROCESSABLE_ENTITY))

    @router.get("/logs")
    async def list_logs(query: Annotated[LogQuery, Query()]) -> Records:
        """The newest log records, newest first; with `after` what has arrived since, oldest first."""
        return _records(await history.logs(query.which(), query.limit))

    return router


def _records(page: LogPage) -> Records:
    return Records(items=[_record(record) for record in page.items], older=page.older, newer=page.newer)


def _record(record: LogRecord) -> Record:
    return Record(**models.log(record).model_dump(), trace_id=record.trace_id, cursor=record.sequence)
