"""`/api/v1/operations`: what model servers were told, how far it is, and how it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator  # noqa: TC003 - FastAPI reads the annotations
from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from venom_otel.api import links
from venom_otel.api.models import utc
from venom_otel.api.problems import responses
from venom_otel.api.security import By  # noqa: TC001 - FastAPI reads the annotations
from venom_otel.state.model import Kind, OperationState  # noqa: TC001 - pydantic reads the annotations

if TYPE_CHECKING:
    from venom_otel.api.security import TokenRequired
    from venom_otel.services.operations import OperationEvent
    from venom_otel.services.operations import Operations as Service
    from venom_otel.state.model import Operation as Known

MAX_LIMIT: Final = 1000

_ID: Final = "9f86d081884c7d65"
_OPERATION: Final[dict[str, Any]] = {
    "id": _ID,
    "kind": "start",
    "server": "vllm",
    "provider": "vllm",
    "model": None,
    "by": "token",
    "state": "failed",
    "created_at": "2026-11-22T21:04:05.123456Z",
    "finished_at": "2026-11-22T21:04:35.223456Z",
    "error": "VLLM_START_COMMAND ended with status 1 before vLLM was online.",
    "links": {"operation": links.operation(_ID), "stream": links.stream(_ID), "server": links.server("vllm")},
}
_PROGRESS: Final[dict[str, Any]] = {"words": "pulling 8c57330a", "completed": 812_646_400, "total": 3_338_801_152}


class Links(BaseModel):
    """Where to go on."""

    operation: str = Field(description="This operation.")
    stream: str = Field(description="What happens to it, as server-sent events.")
    server: str = Field(description="The server that it is about.")


class Operation(BaseModel):
    """Something that a model server was told, which takes its time."""

    model_config = ConfigDict(json_schema_extra={"example": _OPERATION})

    id: str
    kind: Kind
    server: str = Field(description="The server's name.")
    provider: str
    model: str | None = Field(description="Null where it is about the server itself.")
    by: str = Field(description="Who asked, by the road taken: `token` or `page`.")
    state: OperationState = Field(
        description="`interrupted`: venom-otel ended while it ran; the server's own state says what came of it. `cancelled`: given up."
    )
    created_at: datetime
    finished_at: datetime | None = Field(description="Null while it runs.")
    error: str | None = Field(
        description="Why it failed, and what to do, maybe several lines with the end of the server's log; or who gave it up."
    )
    links: Links


class Operations(BaseModel):
    """The newest operations, newest first."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [_OPERATION]}})

    items: list[Operation]


class Step(BaseModel):
    """How far an operation is."""

    model_config = ConfigDict(json_schema_extra={"example": _PROGRESS})

    words: str = Field(description="What is being done now.")
    completed: int | None = Field(description="Bytes of the part that is under way; null where nobody knows.")
    total: int | None


ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    int(HTTPStatus.ACCEPTED): {
        "description": "It was begun; its end is to be waited for.",
        "headers": {"Location": {"description": "The operation.", "schema": {"type": "string"}}},
    }
}
"""How OpenAPI describes the answer of a route that begins an operation, besides its model; see `accepted`."""


_Id = Annotated[str, Path(description="Its `id`.")]


def operations_router(operations: Service, writing: TokenRequired | None) -> APIRouter:
    """The routes over the operations.

    Args:
        operations: what they ask and tell.
        writing: lets through who may give one up; None where that is not offered.
    """
    router = APIRouter(prefix=links.OPERATIONS, tags=["operations"], responses=responses(HTTPStatus.SERVICE_UNAVAILABLE))

    async def known(operation_id: _Id) -> Known:
        if (found := operations.get(operation_id)) is None:
            raise _no_such(operation_id)
        return found

    @router.get("", responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY))
    async def list_operations(
        server: Annotated[str | None, Query(description="Only those of the server of this name.")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="At most so many.")] = 50,
    ) -> Operations:
        """What model servers were told, newest first."""
        return Operations(items=[operation(each) for each in operations.recent(server, limit)])

    @router.get("/{operation_id}", responses=responses(HTTPStatus.NOT_FOUND))
    async def one_operation(operation_id: _Id) -> Operation:
        """One operation."""
        return operation(await known(operation_id))

    @router.get(
        "/{operation_id}/stream",
        response_class=EventSourceResponse,
        dependencies=[Depends(known)],  # refused before the answer begins
        responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    async def follow_operation(
        operation_id: _Id,
        last_event_id: Annotated[
            int | None, Header(ge=0, le=2**53, description="The id of the last event that is known already; what came since is sent.")
        ] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """What happens to an operation, as server-sent events: `progress` as often as there is some, and at last `finished`.

        The data of `progress` is how far it is (`words`, `completed`, `total`), that of `finished` the operation. Each has an id; ids are
        left out where only the newest of many steps was kept. Of an operation that ended long ago there is only `finished`. Close the
        connection then: an EventSource that does not is told the end again.
        """
        async for event in operations.follow(operation_id, last_event_id or 0):
            yield _event(event)

    if writing is not None:
        guarded = APIRouter(
            dependencies=[Depends(writing)],
            responses=ACCEPTED | responses(HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        )

        @guarded.delete("/{operation_id}", status_code=HTTPStatus.ACCEPTED)
        async def cancel_operation(operation_id: _Id, by: By, response: Response) -> Operation:
            """Give up fetching a model; its end follows, with the state `cancelled`.

            What has come stays with a server that can go on from there, as Ollama does. 400 for what cannot be left halfway, which is
            everything else; 409 for what is over.
            """
            if (cancelled := operations.cancel(operation_id, by)) is None:
                raise _no_such(operation_id)
            return accepted(cancelled, response)

        router.include_router(guarded)
    return router


def _no_such(operation_id: str) -> HTTPException:
    return HTTPException(
        HTTPStatus.NOT_FOUND,
        f"there is no operation {operation_id!r}: it was deleted with age, or the id is not one. GET /api/v1/operations lists those there "
        "are.",
    )


def accepted(begun: Known, response: Response) -> Operation:
    """The answer of a route that has begun an operation."""
    response.headers["Location"] = links.operation(begun.id)
    return operation(begun)


def operation(known: Known) -> Operation:
    """An operation as the API says it."""
    wanted = known.wanted
    return Operation(
        id=known.id,
        kind=wanted.kind,
        server=wanted.server,
        provider=wanted.provider,
        model=wanted.model,
        by=wanted.by,
        state=known.state,
        created_at=utc(known.created_ns),
        finished_at=None if known.finished_ns is None else utc(known.finished_ns),
        error=known.error,
        links=Links(operation=links.operation(known.id), stream=links.stream(known.id), server=links.server(wanted.server)),
    )


def _event(event: OperationEvent) -> ServerSentEvent:
    if event.progress is None:
        return ServerSentEvent(event="finished", id=str(event.number), data=operation(event.operation))
    progress = event.progress
    step = Step(words=progress.words, completed=progress.completed, total=progress.total)
    return ServerSentEvent(event="progress", id=str(event.number), data=step)
