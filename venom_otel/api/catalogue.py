"""`/api/v1/models`: which models there are and which is in use; activating, fetching and removing them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from venom_otel.api import links
from venom_otel.api.catalogue_models import ActiveNow, Models, active_now, described
from venom_otel.api.operations import ACCEPTED, Operation, accepted
from venom_otel.api.problems import responses
from venom_otel.api.security import By  # noqa: TC001 - FastAPI reads the annotations
from venom_otel.services.model_actions import MAX_NAME

if TYPE_CHECKING:
    from venom_otel.api.security import TokenRequired
    from venom_otel.services.active import ActiveModel
    from venom_otel.services.catalogue import Catalogue


def _shown(name: str) -> str:
    if not name.isprintable() or not name.strip():
        raise ValueError("a name of visible characters is wanted")
    return name


_Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_shown)]
_ServerName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_shown)]
_Provider = Annotated[str, Path(max_length=64, description="`vllm`, `ollama`, …")]


class Wanted(BaseModel):
    """A model, and where."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"model": "gemma3:4b"}})

    model: _Name = Field(description="Its name; to activate it, the one for people will do: `Gemma 3 4B It`.")
    server: _ServerName | None = Field(None, description="Name of the server, where several could do it.")


def catalogue_router(catalogue: Catalogue, writing: TokenRequired | None, active: ActiveModel | None = None) -> APIRouter:
    """The routes over the models.

    Args:
        catalogue: what they ask and tell.
        active: knows which is active; None where nobody does.
        writing: lets through who may change something; None where that is not offered.
    """
    router = APIRouter(prefix=links.MODELS, tags=["models"], responses=responses(HTTPStatus.UNPROCESSABLE_ENTITY))

    @router.get("")
    async def list_models(
        max_age: Annotated[float | None, Query(ge=0, description="As for `/api/v1/system/llm-servers`.")] = None,
    ) -> Models:
        """Which models there are, on the servers and in the folders of this machine, and which is in use.

        Before the first look at a server the answer waits for that, some seconds at most.
        """
        return described(await catalogue.now(max_age))

    if active is not None:

        @router.get("/active")
        async def active_model() -> ActiveNow:
            """Which model is active: the one that should answer, how its server is, and which one answers in its place, and why."""
            return active_now(await active.now())

    if writing is not None:
        guarded = APIRouter(
            dependencies=[Depends(writing)],
            responses=ACCEPTED
            | responses(
                HTTPStatus.BAD_REQUEST,
                HTTPStatus.UNAUTHORIZED,
                HTTPStatus.NOT_FOUND,
                HTTPStatus.CONFLICT,
                HTTPStatus.SERVICE_UNAVAILABLE,
            ),
        )

        @guarded.post("/{provider}/activate", status_code=HTTPStatus.ACCEPTED)
        async def activate(provider: _Provider, wanted: Wanted, by: By, response: Response) -> Operation:
            """Use a model from now on, which begins an operation on its server.

            `LLM_MODEL_NAME` is kept in `.env`, Ollama loads the model, vLLM is started anew with it; where that fails, all is put back. 400
            where it cannot be done, with the reason; 404 for what is not in the list; 409 where another operation is under way, several
            models are meant, or the environment overrules `.env`.
            """
            return accepted(await catalogue.activate(provider, wanted.model, by, wanted.server), response)

        @guarded.post("/{provider}/install", status_code=HTTPStatus.ACCEPTED)
        async def install(provider: _Provider, wanted: Wanted, by: By, response: Response) -> Operation:
            """Fetch a model, which begins an operation on its server; its stream says how many bytes are there.

            Where the provider's servers fetch none (vLLM, llama.cpp, services), 400 with the steps by hand.
            """
            return accepted(await catalogue.install(provider, wanted.model, by, wanted.server), response)

        @guarded.delete("/{provider}/{model:path}", status_code=HTTPStatus.ACCEPTED)
        async def remove(
            provider: _Provider,
            model: Annotated[_Name, Path(description="Its name.")],
            *,
            by: By,
            response: Response,
            server: Annotated[_ServerName | None, Query(description="Name of the server, where several have it.")] = None,
            force: Annotated[bool, Query(description="Also where it is the configured one.")] = False,
        ) -> Operation:
            """Delete a model from its server's disk, which begins an operation on it."""
            return accepted(await catalogue.remove(provider, model, by, server, force=force), response)

        router.include_router(guarded)
    return router
