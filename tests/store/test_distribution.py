"""Values out of another's histogram: as many as it counted, where its own quantiles put them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from venom_otel import semconv
from venom_otel.store.distribution import Distribution

BOUNDS = [second * 1e9 for second in semconv.DURATION_BUCKETS]


def cumulated(*counts: int) -> dict[float, int]:
    """A histogram of so many values below each bound and the next; the last beyond all bounds."""
    bounds = [*BOUNDS, math.inf]
    return {bound: sum(counts[: number + 1]) for number, bound in enumerate(bounds)}


def as_prometheus(q: float, histogram: dict[float, int]) -> float:
    """The rule of `histogram_quantile`: evenly within a bucket, the last bound for what is beyond."""
    rank = q * histogram[math.inf]
    for (lower, below), (upper, count) in pairwise([(0.0, 0), *sorted(histogram.items())]):
        if count >= rank and count > below:
            return lower if math.isinf(upper) else lower + (upper - lower) * (rank - below) / (count - below)
    raise AssertionError(histogram)


@pytest.mark.parametrize(
    "counts",
    [(0, 0, 0, 0, 1000), (1000,), (5000, 0, 0, 0, 0, 0, 3000, 0, 2000), (100, 200, 400, 800, 1600, 800, 400, 200, 100, 50, 20, 10, 5, 2)],
)
@pytest.mark.parametrize("q", [0.25, 0.5, 0.9, 0.95, 0.99])
def test_quantiles_are_those_of_prometheus(counts: tuple[int, ...], q: float) -> None:
    histogram = cumulated(*counts)
    found = Distribution.of_histogram(histogram, 7).quantile(q)
    assert found == pytest.approx(as_prometheus(q, histogram), rel=0.03)


@pytest.mark.parametrize("counts", [(), (1,), (0, 1), (3, 0, 2), (0,) * 14 + (4,), (1,) * 15, (7, 100_000, 1)])
def test_no_value_is_lost(counts: tuple[int, ...]) -> None:
    found = Distribution.of_histogram(cumulated(*counts), 7)
    assert (found.count, found.sum_ns) == (sum(counts), 7)
    assert all(count > 0 for count in found.buckets.values())


def test_what_is_beyond_the_last_bound_is_above_it() -> None:
    found = Distribution.of_histogram(cumulated(*(0,) * 14, 4), 0).quantile(0.5)
    assert found is not None
    assert BOUNDS[-1] < found < BOUNDS[-1] * 1.05


def test_counts_that_go_down_add_nothing() -> None:
    """As between two scrapes of a counter's parts that did not happen at once."""
    assert Distribution.of_histogram({1e9: 5, 2e9: 4, math.inf: 6}, 0).count == 6
