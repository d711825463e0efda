"""`/api/v1/health`: whether this program works, not whether the model servers do."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

import venom_otel
from venom_otel.api.problems import responses

if TYPE_CHECKING:
    from venom_otel.services.history import History


class Health(BaseModel):
    """The cockpit answers and can read its store."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "ok", "version": "0.1.0", "newest": 1207}})

    status: Literal["ok"]
    version: str
    newest: int = Field(description="Cursor of the newest request; 0 while there is none.")


def health_router(history: History) -> APIRouter:
    """The route over one history."""
    router = APIRouter(tags=["health"])

    @router.get("/health", responses=responses(HTTPStatus.SERVICE_UNAVAILABLE))
    async def health() -> Health:
        """200 while the store can be read, else 503 with the reason."""
        return Health(status="ok", version=venom_otel.__version__, newest=await history.newest())

    return router
