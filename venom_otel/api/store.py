"""`/api/v1/store`: how much is kept, and deleting it."""

from __future__ import annotations

import time
from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator

from venom_otel.api.models import utc
from venom_otel.api.parameters import Moment  # noqa: TC001 - pydantic reads the annotations
from venom_otel.api.problems import responses
from venom_otel.services.moments import moment
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venom_otel.api.security import TokenRequired
    from venom_otel.services.history import History


class Kept(BaseModel):
    """Counts of what is kept."""

    spans: int
    points: int = Field(description="Data points of metrics.")
    records: int = Field(description="Log records.")
    requests: int = Field(description="Requests to models, among the spans.")


class Usage(Kept):
    """What the store holds and needs."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "spans": 120_417,
                "points": 51_300,
                "records": 40_010,
                "requests": 40_002,
                "size_bytes": 38_535_168,
                "oldest": "2026-10-23T21:04:05Z",
            }
        }
    )

    size_bytes: int = Field(description="On the disk.")
    oldest: datetime | None = Field(description="Arrival of the oldest of it; null where nothing is kept.")


class Purge(BaseModel):
    """What is to be deleted: one of the two."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"before": "7d"}})

    before: Moment | None = Field(None, description="All that arrived before: ISO 8601, or how long ago.")
    all: bool = Field(default=False, description="True for everything.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Purge:
        if self.all == (self.before is not None):
            raise ValueError('give either {"before": "7d"} or {"all": true}')
        return self


class Purged(Kept):
    """What was deleted."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"spans": 80_112, "points": 34_000, "records": 26_700, "requests": 26_690, "freed_bytes": 25_690_112}}
    )

    freed_bytes: int = Field(description="That went back to the disk.")


def store_router(history: History, writing: TokenRequired | None) -> APIRouter:
    """The routes over one history.

    Args:
        history: what they ask.
        writing: lets through who may delete; None where that is not offered.
    """
    router = APIRouter(prefix="/store", tags=["store"], responses=responses(HTTPStatus.SERVICE_UNAVAILABLE))

    @router.get("")
    async def usage() -> Usage:
        """How much is kept, from counters: cheap at any size."""
        found = await history.usage()
        oldest = None if found.oldest_ns is None else utc(found.oldest_ns)
        return Usage(**_kept(found.items, found.requests), size_bytes=found.size_bytes, oldest=oldest)

    if writing is not None:

        @router.post(
            "/purge",
            dependencies=[Depends(writing)],
            responses=responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY),
        )
        async def purge(what: Purge) -> Purged:
            """Delete what arrived before a time, or everything; whatever arrives meanwhile is kept.

            Answers when it is done: a million spans take some seconds, during which nothing else waits for long.
            """
            done = await history.purge(moment(what.before, time.time_ns()) if what.before is not None else None)
            return Purged(**_kept(done.items, done.requests), freed_bytes=done.freed_bytes)

    return router


def _kept(items: Mapping[Signal, int], requests: int) -> dict[str, int]:
    return {"spans": items[Signal.TRACES], "points": items[Signal.METRICS], "records": items[Signal.LOGS], "requests": requests}
