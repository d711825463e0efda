"""Distributions as blobs: whatever was added comes back, in every form and width, and blobs of different forms add up."""

import random
from collections import Counter

import pytest

from venom_otel.store.distribution import Distribution, bucket, buckets
from venom_otel.store.embedded.packed import Histogram, add_up, distribution, unpack_all


def blob(values):
    histogram = Histogram()
    for start in range(0, len(values), 50):
        histogram.add(Counter(values[start : start + 50]))
    return histogram.pack(sum(values) % 2**64)


LISTS = {
    "one": [-1],
    "the greatest": [bucket(2**63 - 1)] * 3,
    "few": [900, 950, 900, -1, 2_016],
    "many": [900 + number % 250 for number in range(1_000)],
    "from far apart": [2_016, -1] * 100,
    "counts of two bytes": [950] * 300 + [951] * 70,
    "counts of four bytes": [950] * 70_000 + [953] * 300 + [955],
}


@pytest.mark.parametrize("values", LISTS.values(), ids=LISTS)
def test_what_was_added_comes_back(values):
    assert unpack_all([blob(values)]) == Distribution(sum(values) % 2**64, Counter(values))
    assert unpack_all([Histogram([blob(values)] * 2).pack(0)]).buckets == Counter(values * 2)


def test_blobs_of_every_form_add_up():
    found = unpack_all(blob(values) for values in LISTS.values())
    assert found.buckets == sum((Counter(values) for values in LISTS.values()), Counter())
    assert unpack_all([]) == Distribution()


def test_sums_of_every_form_add_up():
    sums = [add_up([blob(values)] * times) for values in LISTS.values() for times in (1, 2)]
    expected = sum((Counter(values * 3) for values in LISTS.values()), Counter())
    for some in (sums, [one.compact() for one in sums], [*sums[::2], *(one.compact() for one in sums[1::2])]):
        assert distribution(some).buckets == expected
        assert all(one.size < 20_000 for one in some)
    mixed = add_up([blob(LISTS["many"]), *[blob([5])] * 40])
    assert distribution([mixed.compact()]) == distribution([mixed])
    assert distribution([]) == Distribution()


def test_nothing_has_no_blob_and_a_sum_ends_at_the_greatest():
    assert Histogram().pack(0) is None
    histogram = Histogram()
    histogram.add(Counter([1]))
    assert unpack_all([histogram.pack(2**70)]).sum_ns == 2**64 - 1


@pytest.mark.parametrize("number", [40, 4_000])
def test_what_is_removed_is_gone(number):
    dice = random.Random(number)
    values = [int(dice.gauss(950, 40)) for _ in range(number)]
    histogram = Histogram([blob(values)])
    dice.shuffle(values)
    removed, kept = values[: number // 2], values[number // 2 :]
    histogram.remove(Counter(removed))
    assert unpack_all([histogram.pack(0)]).buckets == Counter(kept)
    histogram.remove(Counter(kept))
    assert histogram.pack(0) is None


def test_buckets_are_those_of_single_values_and_stand_for_them():
    dice = random.Random(2)
    values = [0, 1, 2, 3, 2**63 - 1, *(int(2 ** dice.uniform(0, 63)) for _ in range(5_000)), *(2**power for power in range(63))]
    assert buckets(values) == [bucket(value) for value in values]
    for value in values:
        assert Distribution(value, {bucket(value): 1}).quantile(0.5) == pytest.approx(max(value, 1), rel=0.011)
