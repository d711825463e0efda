"""Errors as application/problem+json (RFC 9457), with words that say what to do."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from venom_otel.api import links
from venom_otel.errors import (
    ActionError,
    BusyError,
    ConflictError,
    MissingExtraError,
    NobodyThereError,
    StateError,
    StoreError,
    TooManyTasksError,
    UnknownError,
    UnsupportedError,
    VenomError,
    WrongTaskError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from fastapi import FastAPI, Request

MEDIA_TYPE: Final = "application/problem+json"

_NO_JSON: Final = "the body is not JSON in UTF-8"
_BETTER: Final[Mapping[object, str]] = {"There was an error parsing the body": _NO_JSON}
"""For FastAPI's own words."""

_EXAMPLES: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.NOT_FOUND: "no request of this id is stored: it has not arrived, was deleted with age, or the id is not one.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "step: '7q' is no span of time: give one like 30s, 15m, 2h, 7d",
    HTTPStatus.SERVICE_UNAVAILABLE: "the store cannot be read: disk I/O error",
    HTTPStatus.BAD_REQUEST: "set VLLM_START_COMMAND to what starts it, such as `vllm serve models/gemma-3-4b-it --port 8001`",
    HTTPStatus.CONFLICT: "vllm is busy: start (operation 9f86d081884c7d65) has not finished. Wait for its end.",
    HTTPStatus.BAD_GATEWAY: "Ollama does not answer at 127.0.0.1:11434: start it",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is longer than 8388608 bytes, which is the most that is read.",
    HTTPStatus.TOO_MANY_REQUESTS: "2000 tasks are waiting, and no more may (VENOM_OTEL_TASKS_WAITING): try again when some have ended.",
    HTTPStatus.NOT_IMPLEMENTED: "tasks are answered by Semantic Kernel, which is not installed: pip install 'venom-otel[instruments]'",
    HTTPStatus.UNAUTHORIZED: "this needs the token that `venom-otel up` printed",
}
RETRY_S: Final = 5
"""When asking again may help, where something could not be read or written now."""
_RETRY: Final = {"Retry-After": str(RETRY_S)}
_LATER: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})
_STATUSES: Final[Mapping[type[VenomError], HTTPStatus]] = {
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    StateError: HTTPStatus.SERVICE_UNAVAILABLE,
    NobodyThereError: HTTPStatus.SERVICE_UNAVAILABLE,
    TooManyTasksError: HTTPStatus.TOO_MANY_REQUESTS,
    MissingExtraError: HTTPStatus.NOT_IMPLEMENTED,
    UnsupportedError: HTTPStatus.BAD_REQUEST,
    UnknownError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    ActionError: HTTPStatus.BAD_GATEWAY,
}
"""What the words of an error are answered with; the most special class of an error counts."""
_LONGEST_SHOWN: Final = 100
"""Characters of a wrong value that are repeated."""
_PARAMETERS: Final = [{"parameter": "step", "detail": _EXAMPLES[HTTPStatus.UNPROCESSABLE_ENTITY].removeprefix("step: ")}]


class WrongParameter(BaseModel):
    """What is wrong with one parameter."""

    parameter: str | None = Field(description="Its name; null where several do not fit together.")
    detail: str = Field(description="What is wrong and what would do.")


class Problem(BaseModel):
    """What went wrong and what to do."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"title": "Not Found", "status": 404, "detail": _EXAMPLES[HTTPStatus.NOT_FOUND]}}
    )

    title: str = Field(description="The HTTP status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong and what to do.")
    parameters: list[WrongParameter] = Field(default_factory=list, description="Which parameters are wrong; left out where none is.")
    operation: str | None = Field(None, description="The path of the operation that is in the way; left out where none is.")


def problem(
    status: HTTPStatus,
    detail: str,
    headers: Mapping[str, str] | None = None,
    parameters: Sequence[WrongParameter] = (),
    operation: str | None = None,
) -> JSONResponse:
    """The response for one problem."""
    body = Problem(title=status.phrase, status=status, detail=detail, parameters=list(parameters), operation=operation)
    content = body.model_dump(exclude_defaults=True)
    return JSONResponse(content, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI describes the problems that an operation may answer."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        described[int(status)] = {"model": Problem, "description": status.phrase, "content": {MEDIA_TYPE: _content(status)}}
        if status in _LATER:
            described[int(status)]["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return described


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem, and describe it as one."""
    describe = app.openapi
    app.openapi = lambda: _only_problems(describe())  # type: ignore[method-assign]  # as FastAPI documents it

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return problem(HTTPStatus(error.status_code), _BETTER.get(error.detail, str(error.detail)), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        wrong = [_wrong(item) for item in error.errors()]
        words = "; ".join(f"{one.parameter}: {one.detail}" if one.parameter else one.detail for one in wrong)
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{words}. /openapi.json lists what each parameter takes.", parameters=wrong)

    for kind, status in _STATUSES.items():
        app.add_exception_handler(kind, partial(_answered, status))

    @app.exception_handler(BusyError)
    async def busy(_: Request, error: BusyError) -> JSONResponse:
        path = None if error.operation_id is None else links.operation(error.operation_id)
        return problem(HTTPStatus.CONFLICT, str(error), operation=path)

    @app.exception_handler(WrongTaskError)
    async def wrong(_: Request, error: WrongTaskError) -> JSONResponse:
        parameters = [] if error.parameter is None else [WrongParameter(parameter=error.parameter, detail=str(error))]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), parameters=parameters)

    @app.exception_handler(Exception)
    async def mistake(_: Request, error: Exception) -> JSONResponse:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, f"venom-otel itself failed ({type(error).__qualname__}); its log says how.")


async def _answered(status: HTTPStatus, _: Request, error: Exception) -> JSONResponse:
    return problem(status, str(error), _RETRY if status in _LATER else None)


def _only_problems(schema: dict[str, Any]) -> dict[str, Any]:
    """Without FastAPI's own descriptions of errors, which nobody is answered with."""
    for operation in (operation for methods in schema["paths"].values() for operation in methods.values()):
        if "requestBody" in operation:
            operation["responses"].setdefault(
                str(HTTPStatus.BAD_REQUEST.value),
                {
                    "description": HTTPStatus.BAD_REQUEST.phrase,
                    "content": {MEDIA_TYPE: _content(HTTPStatus.BAD_REQUEST, _NO_JSON)},
                },
            )
        for status, response in list(operation["responses"].items()):
            content = response.get("content", {})
            if MEDIA_TYPE in content:
                content.pop("application/json", None)
            elif status == str(HTTPStatus.UNPROCESSABLE_ENTITY.value):
                del operation["responses"][status]
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    return schema


def _content(status: HTTPStatus, words: str | None = None) -> dict[str, Any]:
    example = {"title": status.phrase, "status": int(status), "detail": words or _EXAMPLES.get(status, status.phrase)}
    if status is HTTPStatus.UNPROCESSABLE_ENTITY:
        example["parameters"] = _PARAMETERS
    return {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}


def _wrong(item: Mapping[str, Any]) -> WrongParameter:
    """One of pydantic's errors; its words do not say what was given, where they are not our own."""
    name = ".".join(str(part) for part in item["loc"][1:] if not isinstance(part, int))  # not which of its values
    words = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] not in ("value_error", "missing") and isinstance(item.get("input"), str | int | float):
        given = repr(item["input"])
        words = f"{words}, not {given if len(given) <= _LONGEST_SHOWN else f'{given[:_LONGEST_SHOWN]}…'}"
    return WrongParameter(parameter=name or None, detail=words)
