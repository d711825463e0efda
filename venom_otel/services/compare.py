"""Models and servers side by side: how fast each answers, how often it fails, what it costs.

All of it comes from the store's roll-ups, by one question whatever the rows are. Durations are those of completed requests alone: a server
that refuses everything at once is not a fast one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from venom_otel.services.figures import Figures
from venom_otel.store.protocol import Dimension, RequestFilter, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from venom_otel.instrumentation.pricing import PriceTable
    from venom_otel.services.figures import Group, Window
    from venom_otel.services.history import History
    from venom_otel.services.prices import Prices
    from venom_otel.store.distribution import Distribution

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


DIMENSIONS: Final[Mapping[Grouping, tuple[Dimension, ...]]] = {
    Grouping.PLACE: (Dimension.PROVIDER, Dimension.MODEL, Dimension.ENDPOINT),
    Grouping.MODEL: (Dimension.MODEL,),
    Grouping.PROVIDER: (Dimension.PROVIDER,),
    Grouping.ENDPOINT: (Dimension.ENDPOINT,),
}
"""What tells the rows of each grouping apart."""

_ASKED: Final = (
    Dimension.PROVIDER,
    Dimension.MODEL,
    Dimension.RESPONSE_MODEL,
    Dimension.ENDPOINT,
    Dimension.STATUS,
    Dimension.ERROR_KIND,
    Dimension.FALLBACK,
    Dimension.COLD_START,
)
"""By what the store is asked, for every grouping: so the answer to another one is there already."""

_TRUE, _FALSE = "true", "false"


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
    """Tokens written per second of a completed request's duration."""
    error_kinds: Mapping[str, int]
    """Of failed requests, the most frequent first; "" for what no kind is known of."""
    cold_starts: int | None
    """For how many the model was loaded first; None where the runtime does not say so of any."""
    told_cold: int
    """Of how many it says whether it was."""
    stood_in: int
    """How often it answered in the place of a server that should have."""
    gave_way: int
    """How often it should have answered in a routed call and failed."""
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


async def compare(
    history: History, window: Window, grouping: Grouping, *, service: str | tuple[str, ...] | None = None, prices: Prices | None = None
) -> Comparison:
    """Compare what answered within a window.

    Args:
        history: of the requests.
        window: the range, which the store widens to whole minutes, and to whole hours where it is longer than a day.
        grouping: what a row is.
        service: of which applications; None for all.
        prices: what tokens cost.

    Raises:
        StoreError: the store cannot be read.
    """
    overview = await history.overview(window, RequestFilter(service=service), _ASKED)
    table = prices.table() if prices is not None else None
    rows = rows_of(overview.groups, grouping, table)
    return Comparison(
        window, grouping, rows, marks_of(rows), table.currency if table is not None else None, prices.problem if prices is not None else ""
    )


def rows_of(groups: Iterable[Group], grouping: Grouping, prices: PriceTable | None) -> Sequence[Row]:
    """Gather what the store counted by `_ASKED` into rows, the one with the most requests first."""
    gathered: dict[tuple[str | None, ...], _Gathered] = defaultdict(_Gathered)
    for group in groups:
        gathered[tuple(group.group[dimension] for dimension in DIMENSIONS[grouping])].add(group, prices)
    rows = [found.row(dict(zip(DIMENSIONS[grouping], values, strict=True)), prices) for values, found in gathered.items()]
    return sorted(rows, key=lambda row: (-row.requests, row.key))


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


class _Gathered:
    """One row that is being added up."""

    def __init__(self) -> None:
        self._all: list[Figures] = []
        self._completed: list[Figures] = []
        self._kinds: Counter[str] = Counter()
        self._cold = self._told_cold = 0
        self._stood_in = self._gave_way = 0
        self._amount: float | None = None
        self._without_price: set[str] = set()

    def add(self, group: Group, prices: PriceTable | None) -> None:
        """Add what is of one status and kind of error, and cold or not, routed or not."""
        figures, told = group.figures, group.group
        status = RequestStatus(str(told[Dimension.STATUS]))
        self._all.append(figures)
        if status is RequestStatus.COMPLETED:
            self._completed.append(figures)
        if status is RequestStatus.FAILED:
            self._kinds[told[Dimension.ERROR_KIND] or ""] += figures.requests
        if told[Dimension.COLD_START] is not None:
            self._told_cold += figures.requests
        if told[Dimension.COLD_START] == _TRUE:
            self._cold += figures.requests
        if status is RequestStatus.COMPLETED and told[Dimension.FALLBACK] == _TRUE:
            self._stood_in += figures.requests
        if status is RequestStatus.FAILED and told[Dimension.FALLBACK] == _FALSE:
            self._gave_way += figures.requests
        if prices is not None and (figures.input_tokens or figures.output_tokens):
            self._price(group, prices)

    def _price(self, group: Group, prices: PriceTable) -> None:
        told, figures = group.group, group.figures
        models = told[Dimension.RESPONSE_MODEL], told[Dimension.MODEL]
        cost = prices.cost(told[Dimension.PROVIDER] or "", models, figures.input_tokens, figures.output_tokens)
        if cost is None:
            self._without_price.add(models[1] or models[0] or "")
        else:
            self._amount = (self._amount or 0) + cost

    def row(self, group: Mapping[Dimension, str | None], prices: PriceTable | None) -> Row:
        """The sum."""
        figures, completed = Figures.together(self._all), Figures.together(self._completed)
        cost = None
        if prices is not None and self._amount is not None:
            cost = Cost(self._amount, prices.currency, tuple(sorted(self._without_price)))
        return Row(
            group,
            figures.counts,
            completed.duration,
            figures.first_chunk,
            completed.speed,
            dict(sorted(self._kinds.items(), key=lambda item: (-item[1], not item[0], item[0]))),
            self._cold if self._told_cold else None,
            self._told_cold,
            self._stood_in,
            self._gave_way,
            figures.input_tokens,
            figures.output_tokens,
            cost,
        )
