"""How values are spread, mergeable: the one form in which durations are summed up over any number of requests.

Buckets are those of OpenTelemetry's exponential histogram at one fixed scale (https://opentelemetry.io/docs/specs/otel/metrics/data-model/
#exponentialhistogram): bucket `i` holds values above `base ** i` up to `base ** (i + 1)`, where `base = 2 ** 2 ** -SCALE`. A quantile is
off by 1.1 % of its value at most.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCALE: Final = 5
_PER_LOG: Final = 2**SCALE / math.log(2)
_OCTAVES: Final = 6
"""Below a bound in which values are told apart that are spread down to 0."""


def bucket(value: int) -> int:
    """The bucket of a value of nanoseconds; what is less than 1 counts as 1."""
    return math.ceil(math.log(value) * _PER_LOG) - 1 if value > 1 else -1


def buckets(values: Iterable[int]) -> list[int]:
    """The bucket of each value; as `bucket`, without a call for each."""
    ceil, log = math.ceil, math.log
    return [ceil(log(value) * _PER_LOG) - 1 if value > 1 else -1 for value in values]


def middle(index: int) -> float:
    """The value that stands for a bucket: none inside is further off than 1.1 %."""
    return float(2.0 ** ((index + 0.5) / 2**SCALE))


def _spread(lower: float, upper: float, count: int) -> dict[int, int]:
    """Buckets of `count` values that are spread evenly between two bounds."""
    if math.isinf(upper):
        return {bucket(int(lower)) + 1: count}
    placed, found, last = 0, {}, bucket(int(upper))
    for index in range(bucket(max(int(lower), int(upper) >> _OCTAVES)) + 1, last + 1):
        bound = min(2.0 ** ((index + 1) / 2**SCALE), upper)
        up_to = count if index == last else round(count * (bound - lower) / (upper - lower))
        if up_to > placed:
            found[index], placed = up_to - placed, up_to
    return found


@dataclass(frozen=True, slots=True)
class Distribution:
    """Values in nanoseconds, in buckets."""

    sum_ns: int = 0
    buckets: Mapping[int, int] = field(default_factory=dict)
    """Count of values by bucket."""

    @property
    def count(self) -> int:
        """How many values."""
        return sum(self.buckets.values())

    @property
    def mean_ns(self) -> float | None:
        """None without values."""
        count = self.count
        return self.sum_ns / count if count else None

    def quantile(self, q: float) -> float | None:
        """The value in nanoseconds that a share `q` (0 to 1) of the values does not exceed, by nearest rank; None without values."""
        rank = max(math.ceil(q * self.count), 1)
        for index in sorted(self.buckets):
            rank -= self.buckets[index]
            if rank <= 0:
                return middle(index)
        return None

    @classmethod
    def of_histogram(cls, cumulated: Mapping[float, int], sum_ns: int) -> Self:
        """What a histogram with explicit bounds says of values, as finely as it does.

        Within a bucket the values are taken to be spread evenly, as Prometheus's `histogram_quantile` takes them; those above the last
        bound to lie just above it.

        Args:
            cumulated: how many values each upper bound in nanoseconds is not exceeded by; the highest may be infinite.
            sum_ns: of all values.
        """
        spread = Counter[int]()
        lower, below = 0.0, 0
        for upper, count in sorted(cumulated.items()):
            if count > below:
                spread.update(_spread(lower, upper, count - below))
                below = count
            lower = upper
        return cls(sum_ns, spread)

    @classmethod
    def merged(cls, parts: Iterable[Distribution]) -> Self:
        """All values of all parts."""
        total, buckets = 0, Counter[int]()
        for part in parts:
            total += part.sum_ns
            buckets.update(part.buckets)
        return cls(total, buckets)
