"""`/api/v1/tasks`: model servers are asked from here, and every answer says who gave it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator  # noqa: TC003 - FastAPI reads the annotations
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AfterValidator

from venom_otel.api import links, task_models
from venom_otel.api.bodies import BoundedRoute
from venom_otel.api.problems import responses
from venom_otel.api.task_models import TaskList, TaskRequest, TaskResponse, Token
from venom_otel.services.tasks.model import Fallback, Position, Request, Task

if TYPE_CHECKING:
    from pydantic import BaseModel

    from venom_otel.api.security import TokenRequired
    from venom_otel.services.servers import LlmServers
    from venom_otel.services.tasks.model import TaskEvent
    from venom_otel.services.tasks.tasks import Tasks

MAX_LIMIT: Final = 1000

_POSITION: Final = re.compile(r"(\d{1,9})-(\d{1,9})")
_ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    int(HTTPStatus.ACCEPTED): {
        "description": "It was begun; `links.stream` tells what happens to it.",
        "headers": {"Location": {"description": "The task.", "schema": {"type": "string"}}},
    }
}


_Id = Annotated[str, Path(description="Its `task_id`.", max_length=100)]


def _position(given: str) -> str:
    if _POSITION.fullmatch(given) is None:
        raise ValueError("this is no id of an event of a task, which is like 3-120")
    return given


def tasks_router(tasks: Tasks, servers: LlmServers, writing: TokenRequired | None) -> APIRouter:
    """The routes over the tasks; those that begin and end one only where `writing` says who may."""
    router = APIRouter(prefix=links.TASKS, tags=["tasks"], responses=responses(HTTPStatus.SERVICE_UNAVAILABLE), route_class=BoundedRoute)

    async def known(task_id: _Id) -> Task:
        if (found := tasks.get(task_id)) is None:
            raise HTTPException(
                HTTPStatus.NOT_FOUND,
                f"there is no task {task_id!r}: it was deleted with age, or the id is not one. GET /api/v1/tasks lists those there are.",
            )
        return found

    @router.get("", responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY))
    async def list_tasks(limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="At most so many.")] = 50) -> TaskList:
        """The newest tasks, newest first."""
        seen = servers.known()
        return TaskList(items=[task_models.response(each, seen) for each in tasks.recent(limit)])

    @router.get("/{task_id}", responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY))
    async def one_task(task_id: _Id) -> TaskResponse:
        """One task, with what was asked and its answer so far."""
        found = await known(task_id)
        return task_models.response(found, servers.known(), tasks.asked(found.id), tasks.answer(found.id))

    @router.get(
        "/{task_id}/stream",
        response_class=EventSourceResponse,
        dependencies=[Depends(known)],  # refused before the answer begins
        responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    async def follow_task(
        task_id: _Id,
        last_event_id: Annotated[
            str | None,
            AfterValidator(_position),
            Header(description="The id of the last event that is known already; what came since is sent.", examples=["3-120"]),
        ] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """What happens to a task, as server-sent events, from its beginning; each as JSON in `data`.

        `status`: it waits, or it is its turn; the task. `token`: a piece of the answer (`text`); who comes late, or is slow, is given
        several as one. `llm_provider_error`: a request failed; who was asked, and why it failed. `llm_fallback`: another server is asked;
        `from`, `to`, `reason`. `finished`: the task, with status, usage and who answered. Close the connection then: an EventSource that
        does not is told the end again. Closing it earlier does nothing to the task.
        """
        after = _POSITION.fullmatch(last_event_id or "0-0")
        assert after is not None
        async for event in tasks.follow(task_id, Position(int(after[1]), int(after[2]))):
            position = event.position
            yield ServerSentEvent(
                event=event.kind, id=f"{position.events}-{position.characters}", raw_data=data(task_id, event).model_dump_json()
            )

    def data(task_id: str, event: TaskEvent) -> BaseModel:
        match event.body:
            case str() as text:
                return Token(text=text)
            case Fallback() as fallback:
                return task_models.fallback_event(task_id, fallback)
            case Request() as request:
                return task_models.provider_error_event(task_id, request)
            case Task() as task:
                return task_models.response(task, servers.known())

    if writing is None:
        return router

    @router.post(
        "",
        status_code=HTTPStatus.ACCEPTED,
        dependencies=[Depends(writing)],
        responses=_ACCEPTED
        | responses(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.NOT_IMPLEMENTED,
        ),
    )
    async def begin_task(wanted: TaskRequest, answer: Response) -> TaskResponse:
        """Ask a model server. The answer is not waited for: follow `links.stream`, or ask for the task again.

        The configured server is asked first, then the others in the order of the settings. What is asked and answered is kept in memory
        alone, for a while.
        """
        begun = await tasks.begin(wanted.wanted())
        answer.headers["Location"] = links.task(begun.id)
        return task_models.response(begun, servers.known())

    @router.delete(
        "/{task_id}",
        dependencies=[Depends(writing)],
        responses=responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    async def cancel_task(task_id: _Id) -> TaskResponse:
        """End a task; the server that is at it is told, and stops generating."""
        found = await known(task_id)
        if found.status.ended:
            raise HTTPException(HTTPStatus.CONFLICT, f"task {found.id} has ended already: {found.status}.")
        ended = await tasks.cancel(found.id)
        assert ended is not None
        return task_models.response(ended, servers.known(), tasks.asked(found.id), tasks.answer(found.id))

    return router
