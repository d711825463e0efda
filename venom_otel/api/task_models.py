"""What the API takes and says of tasks."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from venom_otel import semconv
from venom_otel.api import links
from venom_otel.api.models import SPEED, RequestError, Usage, rounded, utc
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.friendly import friendly_label, friendly_name
from venom_otel.runtimes.model import Status  # noqa: TC001 - pydantic reads the annotations
from venom_otel.services.tasks.model import Message, Options, Role, TaskStatus, Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.health import Server
    from venom_otel.services.tasks import model as services

_MOST_STOPS: Final = 8
_ID: Final = "9f86d081884c7d65"
_TRACE: Final = "5b8efff798038103d269b633813fc60c"
_REQUEST: Final = f"{_TRACE}-eee19b7ec3c1b174"
_VLLM: Final[dict[str, Any]] = {
    "llm_provider": "vllm",
    "llm_model": "models/gemma-3-4b-it",
    "llm_endpoint": "http://127.0.0.1:8001/v1",
    "service_id": "vllm",
}
_OLLAMA: Final[dict[str, Any]] = {
    "llm_provider": "ollama",
    "llm_model": "gemma3:4b",
    "llm_endpoint": "http://127.0.0.1:11434/v1",
    "service_id": "ollama",
}
_TASK: Final[dict[str, Any]] = {
    "task_id": _ID,
    "status": "COMPLETED",
    "created_at": "2026-11-22T21:04:05.123456Z",
    "started_at": "2026-11-22T21:04:05.124456Z",
    "finished_at": "2026-11-22T21:04:07.224456Z",
    "duration_seconds": 2.1,
    "first_token": 0.31,
    "session": "support-17",
    "provider": None,
    **_VLLM,
    "llm_response_model": "models/gemma-3-4b-it",
    "context": {
        "llm_runtime": {
            "label": "Gemma 3 4B It (vLLM @ 8001)",
            "friendly_name": "Gemma 3 4B It",
            "status": "online",
            "identity_source": "server",
            "fallback": {"from": _OLLAMA, "to": _VLLM, "reason": "not_reached", "code": "connection_error"},
        }
    },
    "usage": {"input_tokens": 12, "output_tokens": 35},
    "speed": 18.994,
    "finish_reason": "stop",
    "trace_id": _TRACE,
    "request_ids": [_REQUEST],
    "asked": [{"role": "user", "content": "Why is the sky blue?"}],
    "answer": "Because of Rayleigh scattering.",
    "error": None,
    "links": {"task": links.task(_ID), "stream": links.task_stream(_ID), "requests": [links.request(_REQUEST)]},
}


class TaskMessage(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    content: str


class TaskRequest(BaseModel):
    """What shall be answered: a prompt, or messages."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"prompt": "Why is the sky blue?", "session": "support-17", "max_tokens": 200}}
    )

    prompt: str | None = Field(None, description="What is asked, as a user's message.")
    messages: list[TaskMessage] | None = Field(None, min_length=1, description="The same as several messages, instead of `prompt`.")
    provider: str | None = Field(
        None,
        max_length=100,
        description="A model server by its name, or its provider's. Without it: whoever answers, the configured first.",
    )
    model: str | None = Field(None, max_length=500, description="By its name, or its name for people. Without it: the one in use.")
    session: str | None = Field(
        None,
        pattern=r"^[\w.:-]{1,100}$",
        description="A conversation to go on with, by a name of your own; its tasks follow one another. It is kept in memory for a while.",
    )
    fallback: bool = Field(True, description="Whether another server may answer where one fails. None may where `provider` names one.")
    max_tokens: int | None = Field(None, ge=1, le=2**31 - 1, description="The longest answer, in tokens.")
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    seed: int | None = Field(None, ge=-(2**63), le=2**63 - 1)
    stop: list[str] = Field(default_factory=list, max_length=_MOST_STOPS, description="Texts at which the answer ends.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("give either `prompt` or `messages`")
        return self

    def wanted(self) -> Wanted:
        """The same for the service."""
        said = [Message(each.role, each.content) for each in self.messages or []]
        return Wanted(
            messages=said or [Message(Role.USER, self.prompt or "")],
            provider=self.provider or None,
            model=self.model or None,
            session=self.session,
            fallback=self.fallback,
            options=Options(self.max_tokens, self.temperature, self.top_p, self.seed, tuple(self.stop)),
        )


class Party(BaseModel):
    """A model server, and the model it was asked for."""

    llm_provider: str
    llm_model: str
    llm_endpoint: str
    service_id: str = Field(description="The server's name.")


class TaskFallback(BaseModel):
    """Another server than the one before was asked."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    source: Party = Field(alias="from", description="Who should have answered.")
    target: Party = Field(alias="to", description="Who was asked instead.")
    reason: str | None = Field(description="Why, as an error kind.")
    code: str = Field(description="The HTTP status, `timeout`, `connection_error`, or the class of the true cause.")


class LlmRuntime(BaseModel):
    """The model server that answered, is being asked, or will be."""

    label: str = Field(description="The model's and the server's name for people.")
    friendly_name: str = Field(description="The model's alone.")
    status: Status | None = Field(description="How the server is now; null where it is not watched any more.")
    identity_source: str | None = Field(
        description="What proves who answered: `config`, `server`, `host`, `unknown`; null before anybody has."
    )
    fallback: TaskFallback | None = Field(description="The newest fallback; null where there was none.")


class Context(BaseModel):
    """What is around a task."""

    llm_runtime: LlmRuntime


class TaskLinks(BaseModel):
    """Where to go on."""

    task: str = Field(description="This task.")
    stream: str = Field(description="What happens to it, as server-sent events.")
    requests: list[str] = Field(description="Its requests in the history.")


class TaskResponse(BaseModel):
    """A task, and who answered it."""

    model_config = ConfigDict(json_schema_extra={"example": _TASK})

    task_id: str = Field(description=f"Also `{semconv.LLM_TASK_ID}` on each of its spans and log records.")
    status: TaskStatus = Field(
        description="`PENDING` waits for its turn. `LOST`: venom-otel ended while it ran, or nothing came of it for too long; `error` has "
        "the words."
    )
    created_at: datetime
    started_at: datetime | None = Field(description="When it was its turn.")
    finished_at: datetime | None = Field(description="Null while it is under way, and where its program ended with it.")
    duration_seconds: float | None = Field(description="From its turn to its end.")
    first_token: float | None = Field(description="Seconds from its turn to the first piece of the answer.")
    session: str | None = Field(description="Null also once venom-otel was started anew.")
    provider: str | None = Field(description="As it was asked for.")
    llm_provider: str = Field(description="Who answered; until then who is being asked.")
    llm_model: str = Field(description="The model asked for, as sent.")
    llm_response_model: str | None = Field(description="The model that answered, by the reply's own word.")
    llm_endpoint: str
    service_id: str = Field(description="The server's name.")
    context: Context
    usage: Usage | None = Field(description="Null where the server did not count.")
    speed: float | None = Field(description=f"{SPEED} Of the request that answered; null where that is not known.")
    finish_reason: str | None = Field(description="`stop`, or `length` where the answer was cut off.")
    trace_id: str | None
    request_ids: list[str] = Field(description="Its requests in the history, in the order in which they ended.")
    asked: list[TaskMessage] | None = Field(description="What was asked, without the conversation before; where there is `answer`.")
    answer: str | None = Field(
        description="The answer so far. Only where one task is asked for, and only while it is in memory; the events have it as tokens."
    )
    error: RequestError | None
    links: TaskLinks


class TaskList(BaseModel):
    """The newest tasks, newest first, without their answers."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [{**_TASK, "asked": None, "answer": None}]}})

    items: list[TaskResponse]


class Token(BaseModel):
    """A piece of the answer."""

    text: str


class FallbackEvent(TaskFallback):
    """The data of the event `llm_fallback`."""

    task_id: str


class ProviderErrorEvent(Party):
    """The data of the event `llm_provider_error`: a request failed."""

    task_id: str
    request_id: str
    error: RequestError


def response(
    task: services.Task, servers: Sequence[Server], asked: Sequence[Message] | None = None, answer: str | None = None
) -> TaskResponse:
    """A task as the API says it.

    Args:
        task: as it is known.
        servers: as they were seen last.
        asked: what was asked, where it is to be said.
        answer: its text so far, as well.
    """
    counted = task.input_tokens is not None or task.output_tokens is not None
    return TaskResponse(
        task_id=task.id,
        status=task.status,
        created_at=utc(task.created_ns),
        started_at=None if task.started_ns is None else utc(task.started_ns),
        finished_at=None if task.finished_ns is None else utc(task.finished_ns),
        duration_seconds=task.duration_s,
        first_token=task.first_token_s,
        session=task.session,
        provider=task.asked_provider,
        **_party(task.party),
        llm_response_model=task.response_model,
        context=Context(llm_runtime=_runtime(task, servers)),
        usage=Usage(input_tokens=task.input_tokens, output_tokens=task.output_tokens) if counted else None,
        speed=rounded(task.speed, 3),
        finish_reason=task.finish_reason,
        trace_id=task.trace_id,
        request_ids=list(task.request_ids),
        asked=None if asked is None else [TaskMessage(role=each.role, content=each.content) for each in asked],
        answer=answer,
        error=None if task.error is None else _error(task.error),
        links=TaskLinks(
            task=links.task(task.id), stream=links.task_stream(task.id), requests=[links.request(each) for each in task.request_ids]
        ),
    )


def fallback_event(task_id: str, fallback: services.Fallback) -> FallbackEvent:
    """The data of `llm_fallback`."""
    return FallbackEvent(task_id=task_id, **_fallback(fallback))


def provider_error_event(task_id: str, request: services.Request) -> ProviderErrorEvent:
    """The data of `llm_provider_error`."""
    assert request.error is not None
    return ProviderErrorEvent(task_id=task_id, request_id=request.id, error=_error(request.error), **_party(request.party))


def _runtime(task: services.Task, servers: Sequence[Server]) -> LlmRuntime:
    party = task.party
    model = task.response_model or party.model
    here = next((each for each in servers if each.runtime.name == party.service_id), None)
    endpoint = parse(party.endpoint) if party.endpoint else None
    return LlmRuntime(
        label=friendly_label(model, party.provider, endpoint),
        friendly_name=friendly_name(model),
        status=here.condition.status if here is not None else None,
        identity_source=task.identity_source,
        fallback=None if task.fallback is None else TaskFallback(**_fallback(task.fallback)),
    )


def _party(party: services.Party) -> dict[str, Any]:
    return {"llm_provider": party.provider, "llm_model": party.model, "llm_endpoint": party.endpoint, "service_id": party.service_id}


def _fallback(fallback: services.Fallback) -> dict[str, Any]:
    return {
        "source": Party(**_party(fallback.source)),
        "target": Party(**_party(fallback.target)),
        "reason": fallback.reason,
        "code": fallback.code,
    }


def _error(error: services.TaskError) -> RequestError:
    return RequestError(kind=error.kind, code=error.code, words=error.words)
