"""Models and servers side by side: the rows, what they are compared by, and who does better.

Durations are those of completed requests alone: a server that refuses everything at once is not a fast one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from venom_otel.store.protocol import RequestStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from venom_otel.services.figures import Window
    from venom_otel.store.distribution import Distribution
    from venom_otel.store.protocol import Dimension

FEW: Final = 20
"""From so many values on a row is compared with others: of fewer, one slow answer is the whole p95."""

SAME: Final = 1.05
"""Values of which one is less than so many times the other are about the same: none of them is better."""

MEDIAN: Final = 0.5
TAIL: Final = 0.95


class Grouping(StrEnum):
    """What a row is."""

    PLACE = "place"
    """A model at an endpoint."""
    MODEL = "model"
    PROVIDER = "provider"
    ENDPOINT = "endpoint"


class Cost(NamedTuple):
    """An estimate, by a price table."""

    amount: float
    currency: str
    without_price: tuple[str, ...]
    """Models that used tokens and have no price: it cost more than `amount`."""


@dataclass(frozen=True, slots=True)
class Row:
    """The requests of one model, server or both."""

    group: Mapping[Dimension, str | None]
    counts: Mapping[RequestStatus, int]
    duration: Distribution
    """Of completed requests."""
    first_chunk: Distribution
    """Of streams that brought a first chunk, however they ended."""
    speed: float | None
    """Tokens per second while they were written, of completed requests; None where that is not known of any: see `store.generation`."""
    written: int
    """Of how many it is known."""
    error_kinds: Mapping[str, int]
    """Of failed requests, the most frequent first; "" for what no kind is known of."""
    cold_starts: int | None
    """For how many the model was loaded first; None where the runtime does not say so of any."""
    told_cold: int
    """Of how many it says whether it was."""
    stood_in: int
    """How often it answered in a routed call in the place of a server that should have."""
    gave_way: int
    """How often it failed in a routed call and another server was asked after it, whatever its place in the order."""
    input_tokens: int
    output_tokens: int
    cost: Cost | None
    """None where no price is known for any of its tokens."""

    @property
    def key(self) -> str:
        """Tells it from the other rows of its comparison."""
        return "|".join(value or "" for value in self.group.values())

    @property
    def requests(self) -> int:
        """How many, however they ended."""
        return sum(self.counts.values())

    @property
    def few(self) -> bool:
        """Whether they are too few to be compared with others."""
        return self.requests < FEW

    @property
    def error_rate(self) -> float:
        """Which share failed, 0 to 1."""
        return self.counts[RequestStatus.FAILED] / self.requests

    @property
    def cost_per_answer(self) -> float | None:
        """Of what it cost, the part of one completed request; None where not all of it is known."""
        completed = self.counts[RequestStatus.COMPLETED]
        return self.cost.amount / completed if self.cost is not None and not self.cost.without_price and completed else None


class Metric(StrEnum):
    """What rows are compared by."""

    DURATION_P50 = "duration_p50"
    DURATION_P95 = "duration_p95"
    FIRST_P50 = "first_token_p50"
    FIRST_P95 = "first_token_p95"
    SPEED = "speed"
    ERROR_RATE = "error_rate"
    COST = "cost_per_answer"


MORE_IS_BETTER: Final = frozenset({Metric.SPEED})
"""Of all others less is."""

_VALUES: Final[Mapping[Metric, Callable[[Row], float | None]]] = {
    Metric.DURATION_P50: lambda row: row.duration.quantile(MEDIAN),
    Metric.DURATION_P95: lambda row: row.duration.quantile(TAIL),
    Metric.FIRST_P50: lambda row: row.first_chunk.quantile(MEDIAN),
    Metric.FIRST_P95: lambda row: row.first_chunk.quantile(TAIL),
    Metric.SPEED: lambda row: row.speed,
    Metric.ERROR_RATE: lambda row: row.error_rate,
    Metric.COST: lambda row: row.cost_per_answer,
}
_COUNTS: Final[Mapping[Metric, Callable[[Row], int]]] = {
    Metric.FIRST_P50: lambda row: row.first_chunk.count,
    Metric.FIRST_P95: lambda row: row.first_chunk.count,
    Metric.SPEED: lambda row: row.written,
    Metric.ERROR_RATE: lambda row: row.requests,
}


def value_of(row: Row, metric: Metric) -> float | None:
    """A row's value: durations in nanoseconds, the error rate from 0 to 1; None where there is none."""
    return _VALUES[metric](row)


def count_of(row: Row, metric: Metric) -> int:
    """From how many requests a row's value comes."""
    return _COUNTS[metric](row) if metric in _COUNTS else row.counts[RequestStatus.COMPLETED]


class Marks(NamedTuple):
    """The best and the worst value of a metric, among rows that have enough requests."""

    best: float
    worst: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a window's requests come to, row by row."""

    window: Window
    grouping: Grouping
    rows: Sequence[Row]
    """The one with the most requests first."""
    marks: Mapping[Metric, Marks]
    """Without metrics in which fewer than two rows have a value of enough requests, or all about the same."""
    currency: str | None
    """Of costs; None where no prices are set."""
    problem: str = ""
    """Why prices that are set cannot be used."""
    missing: str | None = None
    """What the rows leave out at the moment, and why, in words."""

    def best(self, row: Row, metric: Metric) -> bool:
        """Whether no other row does better."""
        return metric in self.marks and _counts(row, metric) and value_of(row, metric) == self.marks[metric].best

    def worst(self, row: Row, metric: Metric) -> bool:
        """Whether no other row does worse."""
        return metric in self.marks and _counts(row, metric) and value_of(row, metric) == self.marks[metric].worst


class Difference(NamedTuple):
    """Two rows in one metric."""

    metric: Metric
    values: tuple[float | None, float | None]
    better: int | None
    """0 or 1; None where one value is unknown, or both are about the same."""
    factor: float | None
    """How many times as large the larger value is; None where the smaller one is unknown or 0, but 1 where both are 0."""
    few: bool
    """Whether one of the values comes from too few requests to say much."""


def versus(first: Row, second: Row) -> Sequence[Difference]:
    """Two rows side by side, in every metric of which one has a value."""
    return [found for metric in Metric if (found := _difference(first, second, metric)).values != (None, None)]


def _difference(first: Row, second: Row, metric: Metric) -> Difference:
    a, b = value_of(first, metric), value_of(second, metric)
    few = min(count_of(first, metric), count_of(second, metric)) < FEW
    if a is None or b is None:
        return Difference(metric, (a, b), None, None, few)
    factor = max(a, b) / min(a, b) if min(a, b) else None if max(a, b) else 1.0
    better = int((a < b) == (metric in MORE_IS_BETTER)) if _apart(a, b) else None
    return Difference(metric, (a, b), better, factor, few)


def marks_of(rows: Sequence[Row]) -> Mapping[Metric, Marks]:
    """The best and worst values, of the metrics in which rows can be compared."""
    marks: dict[Metric, Marks] = {}
    for metric in Metric:
        values = [value for row in rows if _counts(row, metric) and (value := value_of(row, metric)) is not None]
        if len(values) > 1 and _apart(min(values), max(values)):
            ends = min(values), max(values)
            marks[metric] = Marks(*(reversed(ends) if metric in MORE_IS_BETTER else ends))
    return marks


def _apart(a: float, b: float) -> bool:
    """Whether two values differ by more than chance and the store's buckets make them."""
    return max(a, b) > 0 and max(a, b) >= SAME * min(a, b)


def _counts(row: Row, metric: Metric) -> bool:
    """Whether a row's value comes from enough requests to be compared."""
    return count_of(row, metric) >= FEW
