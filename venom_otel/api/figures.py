"""What the history API says of requests summed up. Durations are seconds, shares 0 to 1."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from venom_otel.api.models import SPEED, rounded, utc
from venom_otel.services.figures import SECOND
from venom_otel.store.protocol import Dimension, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venom_otel.services import figures as services
    from venom_otel.store.distribution import Distribution

_SPREAD: Final = {"count": 118, "mean": 0.94, "p50": 0.81, "p95": 2.1, "p99": 3.4}
_FIRST: Final = {"count": 96, "mean": 0.22, "p50": 0.18, "p95": 0.42, "p99": 0.6}
_GROUP: Final[dict[str, Any]] = {
    "group": {"provider": "vllm"},
    "since": "2026-11-22T21:00:00Z",
    "requests": 118,
    "completed": 113,
    "failed": 4,
    "cancelled": 1,
    "error_rate": 0.0339,
    "usage": {"input_tokens": 25016, "output_tokens": 4130},
    "throughput": 13.77,
    "speed": 37.2,
    "duration": _SPREAD,
    "first_token": _FIRST,
}


class Spread(BaseModel):
    """How values in seconds are spread; null where there is none.

    Percentiles are off by 1.1 % at most; those of older requests, out of Prometheus, by as much as its buckets are wide.
    """

    count: int
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class UsedTokens(BaseModel):
    """Tokens, as the servers counted them."""

    input_tokens: int
    output_tokens: int


class Figures(BaseModel):
    """The requests of one group that began within one step."""

    model_config = ConfigDict(
        json_schema_extra={"example": _GROUP},
    )

    group: dict[str, str | None] = Field(description="The values of what was asked `by`.")
    since: datetime = Field(description="Where the step begins.")
    requests: int
    completed: int
    failed: int
    cancelled: int
    error_rate: float | None = Field(description="Which share failed, 0 to 1.")
    usage: UsedTokens
    throughput: float = Field(description="Tokens written per second of the step.")
    speed: float | None = Field(description=f"{SPEED} Of completed requests, together.")
    duration: Spread
    first_token: Spread = Field(description="Of streams, from the call to the first chunk.")


class Overview(BaseModel):
    """The figures of a range of time; steps and groups without requests are left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "since": "2026-11-22T21:00:00Z",
                "until": "2026-11-22T22:00:00Z",
                "step_seconds": 300,
                "items": [_GROUP],
                "missing": "Figures of what is older than the telemetry here are missing: Prometheus at http://localhost:9090 answers 503.",
            }
        }
    )

    since: datetime
    until: datetime
    step_seconds: int | None
    items: list[Figures]
    missing: str | None = Field(default=None, description="What they leave out at the moment, and why, in words.")


class Choice(BaseModel):
    """A value that a filter can take."""

    value: str
    requests: int = Field(description="How many requests of the last seven days have it.")


class Choices(BaseModel):
    """The values that each filter can take now, the most frequent first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "provider": [{"value": "vllm", "requests": 118}],
                "model": [{"value": "Qwen/Qwen2.5-7B-Instruct", "requests": 118}],
                "endpoint": [{"value": "http://gpu:8000/v1", "requests": 118}],
                "service": [{"value": "chat-api", "requests": 118}],
                "status": [{"value": "COMPLETED", "requests": 113}, {"value": "FAILED", "requests": 5}],
                "error_kind": [{"value": "model_not_found", "requests": 5}],
            }
        }
    )

    provider: list[Choice]
    model: list[Choice]
    endpoint: list[Choice]
    service: list[Choice]
    status: list[Choice]
    error_kind: list[Choice]


def overview(found: services.Overview) -> Overview:
    """All figures of a window."""
    window = found.window
    return Overview(
        since=utc(window.since_ns),
        until=utc(window.until_ns),
        step_seconds=window.step_ns // SECOND if window.step_ns else None,
        items=[_figures(group, window.seconds_of(group.start_ns)) for group in found.groups],
        missing=found.missing,
    )


def choices(found: Mapping[Dimension, Mapping[str, int]]) -> Choices:
    """The values of every filter."""
    lists = {dimension: [Choice(value=value, requests=count) for value, count in values.items()] for dimension, values in found.items()}
    return Choices.model_validate(lists)


def _figures(group: services.Group, seconds: float) -> Figures:
    figures = group.figures
    return Figures(
        group={str(dimension): value for dimension, value in group.group.items()},
        since=utc(group.start_ns),
        requests=figures.requests,
        completed=figures.counts[RequestStatus.COMPLETED],
        failed=figures.counts[RequestStatus.FAILED],
        cancelled=figures.counts[RequestStatus.CANCELLED],
        error_rate=rounded(figures.error_rate, 4),
        usage=UsedTokens(input_tokens=figures.input_tokens, output_tokens=figures.output_tokens),
        throughput=round(figures.output_tokens / seconds, 3),
        speed=rounded(figures.speed, 3),
        duration=spread(figures.duration),
        first_token=spread(figures.first_chunk),
    )


def spread(of: Distribution) -> Spread:
    """A distribution in seconds."""

    def seconds(ns: float | None) -> float | None:
        return None if ns is None else round(ns / SECOND, 6)

    return Spread(
        count=of.count,
        mean=seconds(of.mean_ns),
        p50=seconds(of.quantile(0.5)),
        p95=seconds(of.quantile(0.95)),
        p99=seconds(of.quantile(0.99)),
    )
