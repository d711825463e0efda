"""`/api/v1/audit`: who told the model servers what, and what became of it."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from venom_otel.api import links
from venom_otel.api.models import utc
from venom_otel.api.parameters import MAX_CURSOR
from venom_otel.api.problems import responses
from venom_otel.state.model import Kind, Outcome  # noqa: TC001 - pydantic reads the annotations

if TYPE_CHECKING:
    from venom_otel.services.operations import Operations
    from venom_otel.state.model import AuditEntry

_ENTRY: Final[dict[str, Any]] = {
    "at": "2026-11-22T21:04:05.123456Z",
    "kind": "stop",
    "server": "vllm",
    "provider": "vllm",
    "model": None,
    "by": "token",
    "outcome": "refused",
    "detail": "vllm is busy: start (operation 9f86d081884c7d65) has not finished. Wait for its end.",
    "operation": None,
}


class Entry(BaseModel):
    """One line: that something was asked for, or what became of it."""

    model_config = ConfigDict(json_schema_extra={"example": _ENTRY})

    at: datetime
    kind: Kind = Field(description="What was asked for.")
    server: str
    provider: str
    model: str | None = Field(description="Null where it is about the server itself.")
    by: str = Field(description="Who asked, by the road taken: `token` or `page`.")
    outcome: Outcome = Field(
        description="`begun`, and later one of `succeeded`, `failed`, `interrupted` and `cancelled`; or only `refused`."
    )
    detail: str | None = Field(description="Why it failed or was refused, or who gave it up.")
    operation: str | None = Field(description="The operation's path; null where none was begun.")


class Audit(BaseModel):
    """Lines of the audit, newest first."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [_ENTRY], "older": 1207}})

    items: list[Entry]
    older: int | None = Field(description="Pass as `before` for the next older page; null where there is none.")


def audit_router(operations: Operations) -> APIRouter:
    """The route over the audit that operations keep."""
    router = APIRouter(tags=["operations"], responses=responses(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.UNPROCESSABLE_ENTITY))

    @router.get("/audit")
    async def audit(
        server: Annotated[str | None, Query(description="Only lines about the server of this name.")] = None,
        before: Annotated[int | None, Query(ge=1, le=MAX_CURSOR, description="The `older` of the page that came before.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
    ) -> Audit:
        """Who told the model servers what, and what became of it. What lacked the token was not told them, and is not in it."""
        page = operations.audit(before, limit, server)
        return Audit(items=[_entry(each) for each in page.items], older=page.older)

    return router


def _entry(known: AuditEntry) -> Entry:
    wanted = known.wanted
    return Entry(
        at=utc(known.at_ns),
        kind=wanted.kind,
        server=wanted.server,
        provider=wanted.provider,
        model=wanted.model,
        by=wanted.by,
        outcome=known.outcome,
        detail=known.detail,
        operation=None if known.operation_id is None else links.operation(known.operation_id),
    )
