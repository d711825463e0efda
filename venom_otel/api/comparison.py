"""What the history API says of models and servers side by side. Durations are seconds, shares 0 to 1."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from venom_otel.api.figures import Spread, UsedTokens, spread
from venom_otel.api.models import SPEED, rounded, utc
from venom_otel.services.compared import FEW, Grouping, Metric
from venom_otel.store.protocol import RequestStatus

if TYPE_CHECKING:
    from venom_otel.services import compared as services

_ROW: Final[dict[str, Any]] = {
    "group": {"provider": "vllm", "model": "Qwen/Qwen2.5-7B-Instruct", "endpoint": "http://gpu:8000/v1"},
    "requests": 118,
    "completed": 113,
    "failed": 4,
    "cancelled": 1,
    "few": False,
    "error_rate": 0.0339,
    "error_kinds": [{"kind": "timeout", "requests": 3}, {"kind": "rate_limited", "requests": 1}],
    "duration": {"count": 113, "mean": 0.94, "p50": 0.81, "p95": 2.1, "p99": 3.4},
    "first_token": {"count": 96, "mean": 0.22, "p50": 0.18, "p95": 0.42, "p99": 0.6},
    "speed": 37.2,
    "cold_starts": {"cold": 2, "told": 118},
    "stood_in": 5,
    "gave_way": 4,
    "usage": {"input_tokens": 25016, "output_tokens": 4130},
    "cost": {"amount": 0.0062, "currency": "USD", "per_answer": 0.0000549, "without_price": []},
    "best": ["duration_p50", "duration_p95"],
    "worst": ["error_rate"],
}


class FailedOf(BaseModel):
    """Failed requests of one kind."""

    kind: str | None = Field(description="Null where no kind is known.")
    requests: int


class ColdStarts(BaseModel):
    """For how many requests the runtime says that it loaded the model first."""

    cold: int
    told: int = Field(description="Of how many it says whether it did.")


class Cost(BaseModel):
    """An estimate, by the file of prices."""

    amount: float
    currency: str
    per_answer: float | None = Field(description="Of a completed request; null where a price is missing or nothing completed.")
    without_price: list[str] = Field(description="Models that used tokens and have no price: it cost more than `amount`.")


class Row(BaseModel):
    """The requests of one model, server or both."""

    model_config = ConfigDict(json_schema_extra={"example": _ROW})

    group: dict[str, str | None] = Field(description="What the row stands for, by the names of filters.")
    requests: int
    completed: int
    failed: int
    cancelled: int
    few: bool = Field(description=f"Whether there are fewer than {FEW} requests, which say little.")
    error_rate: float = Field(description="Which share failed, 0 to 1.")
    error_kinds: list[FailedOf] = Field(description="The most frequent first.")
    duration: Spread = Field(description="Of completed requests.")
    first_token: Spread = Field(description="Of streams, from the call to the first chunk.")
    speed: float | None = Field(description=f"{SPEED} Of completed requests, together.")
    cold_starts: ColdStarts | None = Field(description="Null where the runtime does not say.")
    stood_in: int = Field(description="How often it answered in a routed call in the place of a server that should have.")
    gave_way: int = Field(description="How often it failed in a routed call and another was asked after it, whatever its place.")
    usage: UsedTokens
    cost: Cost | None = Field(description="Null where no price is known.")
    best: list[Metric] = Field(description=f"In what no other row does better; of values from {FEW} requests or more.")
    worst: list[Metric] = Field(description="In what no other row does worse.")


class Comparison(BaseModel):
    """Models and servers side by side, the one with the most requests first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "since": "2026-11-22T21:00:00Z",
                "until": "2026-11-22T22:00:00Z",
                "by": "place",
                "prices_problem": "VENOM_OTEL_PRICES=prices.json: cannot be read (No such file or directory).",
                "items": [_ROW],
                "missing": "Figures of what is older than the telemetry here are missing: Prometheus at http://localhost:9090 answers 503.",
            }
        }
    )

    since: datetime
    until: datetime
    by: Grouping
    prices_problem: str | None = Field(description="Why prices that are set cannot be used, in words.")
    items: list[Row]
    missing: str | None = Field(default=None, description="What they leave out at the moment, and why, in words.")


def comparison(found: services.Comparison) -> Comparison:
    """All rows."""
    return Comparison(
        since=utc(found.window.since_ns),
        until=utc(found.window.until_ns),
        by=found.grouping,
        prices_problem=found.problem or None,
        items=[_row(found, row) for row in found.rows],
        missing=found.missing,
    )


def _row(found: services.Comparison, row: services.Row) -> Row:
    return Row(
        group={str(dimension): value for dimension, value in row.group.items()},
        requests=row.requests,
        completed=row.counts[RequestStatus.COMPLETED],
        failed=row.counts[RequestStatus.FAILED],
        cancelled=row.counts[RequestStatus.CANCELLED],
        few=row.few,
        error_rate=round(row.error_rate, 4),
        error_kinds=[FailedOf(kind=kind or None, requests=number) for kind, number in row.error_kinds.items()],
        duration=spread(row.duration),
        first_token=spread(row.first_chunk),
        speed=rounded(row.speed, 3),
        cold_starts=ColdStarts(cold=row.cold_starts, told=row.told_cold) if row.cold_starts is not None else None,
        stood_in=row.stood_in,
        gave_way=row.gave_way,
        usage=UsedTokens(input_tokens=row.input_tokens, output_tokens=row.output_tokens),
        cost=_cost(row),
        best=[metric for metric in Metric if found.best(row, metric)],
        worst=[metric for metric in Metric if found.worst(row, metric)],
    )


def _cost(row: services.Row) -> Cost | None:
    if row.cost is None:
        return None
    return Cost(
        amount=rounded(row.cost.amount, 6) or 0,
        currency=row.cost.currency,
        per_answer=rounded(row.cost_per_answer, 9),
        without_price=list(row.cost.without_price),
    )
