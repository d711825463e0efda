"""`/api/v1/system/llm-servers`: how each model server is, since when and why; and telling it to start, to stop or to restart."""

from __future__ import annotations

from collections.abc import AsyncIterator  # noqa: TC003 - FastAPI reads the annotations
from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from venom_otel.api import links
from venom_otel.api.models import utc
from venom_otel.api.operations import ACCEPTED, Operation, accepted
from venom_otel.api.problems import responses
from venom_otel.api.security import By  # noqa: TC001 - FastAPI reads the annotations
from venom_otel.control.model import Action
from venom_otel.runtimes.model import State, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venom_otel.api.security import TokenRequired
    from venom_otel.health import Server as Known
    from venom_otel.services.servers import LlmServers

_SERVER: Final[dict[str, Any]] = {
    "name": "vllm",
    "label": "vLLM",
    "provider": "vllm",
    "endpoint": "http://127.0.0.1:8001/v1",
    "status": "online",
    "state": "degraded",
    "since": "2026-11-22T21:04:05.123456Z",
    "reason": "slow",
    "error_message": "it answers slowly: 1.8 s for /v1/models, which is no work; the machine is overloaded, or far away",
    "latency_ms": 1803.2,
    "checked_at": "2026-11-22T21:07:35.223456Z",
    "version": "0.32.0",
    "models_loaded": ["gemma-3-4b-it"],
    "requests_running": 6,
    "requests_waiting": 2,
    "supports": {"start": False, "stop": True, "restart": False},
    "unsupported": {
        "start": "set VLLM_START_COMMAND to what starts it, such as `vllm serve models/gemma-3-4b-it --port 8001`",
        "restart": "set VLLM_RESTART_COMMAND, or make it possible to stop and start it: set VLLM_START_COMMAND to what starts it, such as "
        "`vllm serve models/gemma-3-4b-it --port 8001`",
    },
}


class Server(BaseModel):
    """One model server. What it does not tell is null, never 0."""

    model_config = ConfigDict(json_schema_extra={"example": _SERVER})

    name: str = Field(description="Its name in this API, from the settings or from what it is.")
    label: str = Field(description="The same for people.")
    provider: str = Field(description="`ollama`, `vllm`, `llamacpp`, `openai`, …; `unknown` where it has not said yet who it is.")
    endpoint: str = Field(description="Base URL, without credentials.")
    status: Status = Field(description="Whether requests can be sent there now.")
    state: State = Field(description="`ready` and `degraded` are online, all others offline.")
    since: datetime = Field(description="When it was first seen in this state.")
    reason: str | None = Field(description="Why it is not ready, in one word; null where it is.")
    error_message: str | None = Field(description="The same for people, with what to do.")
    latency_ms: float | None = Field(description="How long its answer took; null where none came.")
    checked_at: datetime = Field(description="When it was looked at last.")
    version: str | None
    models_loaded: list[str] | None = Field(description="Models in memory.")
    requests_running: int | None
    requests_waiting: int | None
    supports: dict[Action, bool] = Field(description="What can be done with it from here.")
    unsupported: dict[Action, str] = Field(description="Why each of the others cannot.")


class Servers(BaseModel):
    """Every model server, in the order of the settings."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [_SERVER]}})

    items: list[Server]


class Log(BaseModel):
    """The end of what a server's commands printed."""

    model_config = ConfigDict(json_schema_extra={"example": {"lines": ["INFO 11-22 21:04:31 Application startup complete."]}})

    lines: list[str] = Field(description="Oldest first, without credentials; none where nothing was started from here.")


_MaxAge = Annotated[
    float | None,
    Query(
        ge=0,
        description="Seconds: a server that was looked at longer ago is looked at again before the answer, a cloud service at most once a "
        "minute. Without it the answer is what is known, at most `VENOM_OTEL_PROBE_INTERVAL_S` old.",
    ),
]


_Name = Annotated[str, Path(description="Its `name` in the list.")]
_Action = Annotated[Action, Path(description="What it is told.")]


def servers_router(servers: LlmServers, writing: TokenRequired | None) -> APIRouter:
    """The routes over the servers.

    Args:
        servers: whom they ask and tell.
        writing: lets through who may tell a server something; None where that is not offered.
    """
    router = APIRouter(prefix=links.SERVERS, tags=["system"], responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY))

    def said(known: Known) -> Server:
        return server(known, servers.unsupported(known.runtime))

    @router.get("")
    async def list_servers(max_age: _MaxAge = None) -> Servers:
        """How every model server is. Before the first look at one, the answer waits for it, some seconds at most."""
        return Servers(items=[said(known) for known in await servers.all(max_age)])

    @router.get("/events", response_class=EventSourceResponse)
    async def follow_servers() -> AsyncIterator[ServerSentEvent]:
        """How every model server is, and each change of a state, as server-sent events named `server`; the data is the server.

        Whoever connects again is told of all of them again, so that nothing is missed.
        """
        with servers.changes() as changes:
            for known in await servers.all():
                yield ServerSentEvent(event="server", data=said(known))
            async for look in changes:
                yield ServerSentEvent(event="server", data=said(look.server))

    @router.get("/{name}", responses=responses(HTTPStatus.NOT_FOUND))
    async def one_server(name: _Name, max_age: _MaxAge = None) -> Server:
        """How one model server is."""
        found = await servers.one(name, max_age)
        if found is None:
            raise _nobody(name)
        return said(found)

    @router.get("/{name}/log", responses=responses(HTTPStatus.NOT_FOUND))
    async def log(name: _Name, lines: Annotated[int, Query(ge=1, le=1000, description="The last so many.")] = 50) -> Log:
        """The end of what a server's commands printed, keys masked. An operation that failed has a part of it in its `error`."""
        found = await servers.log(name, lines)
        if found is None:
            raise _nobody(name)
        return Log(lines=list(found))

    if writing is not None:
        guarded = APIRouter(dependencies=[Depends(writing)], responses=responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND))

        @guarded.post(
            "/{name}/{action}",
            status_code=HTTPStatus.ACCEPTED,
            responses=ACCEPTED | responses(HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
        )
        async def act(name: _Name, action: _Action, by: By, response: Response) -> Operation:
            """Tell a model server to start, to stop or to restart, which begins an operation; `Location` and `links` lead to it.

            400 where it cannot be told that from here, as its `unsupported` says; 409 while another operation on it is under way.
            """
            begun = await servers.act(name, action, by)
            if begun is None:
                raise _nobody(name)
            return accepted(begun, response)

        router.include_router(guarded)
    return router


def _nobody(name: str) -> HTTPException:
    return HTTPException(
        HTTPStatus.NOT_FOUND,
        f"there is no model server {name!r}: GET /api/v1/system/llm-servers lists those there are, as `venom-otel runtimes` does; "
        "docs/settings.md says how to name one.",
    )


def server(known: Known, unsupported: Mapping[Action, str]) -> Server:
    """A server as the API says it; `unsupported` as `LlmServers.unsupported` has it."""
    runtime, condition, reading = known.runtime, known.condition, known.reading
    told = reading.state.status is Status.ONLINE and all(model.loaded is not None for model in reading.models)
    return Server(
        name=runtime.name,
        label=runtime.label,
        provider=runtime.provider,
        endpoint=runtime.endpoint.url,
        status=condition.status,
        state=condition.state,
        since=utc(condition.since_ns),
        reason=condition.reason,
        error_message=condition.cause,
        latency_ms=None if reading.latency_s is None else round(reading.latency_s * 1000, 3),
        checked_at=utc(known.checked_ns),
        version=reading.version,
        models_loaded=[model.name for model in reading.models_loaded] if told else None,
        requests_running=reading.requests_running,
        requests_waiting=reading.requests_waiting,
        supports={action: action not in unsupported for action in Action},
        unsupported=dict(unsupported),
    )
