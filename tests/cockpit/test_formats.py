"""Numbers and attribute values as a person reads them."""

import pytest

from venom_otel.cockpit import formats

MILLISECOND = 1_000_000
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("nanoseconds", "words"),
    [
        (-5, "0 µs"),
        (0, "0 µs"),
        (740_000, "740 µs"),
        (4_200_000, "4.20 ms"),
        (9_996_000, "10.0 ms"),
        (41 * MILLISECOND, "41.0 ms"),
        (99_960_000, "100 ms"),
        (812 * MILLISECOND, "812 ms"),
        (999_400_000, "999 ms"),
        (999_600_000, "1.00 s"),
        (1_240 * MILLISECOND, "1.24 s"),
        (30 * SECOND, "30.0 s"),
        (59_949 * MILLISECOND, "59.9 s"),
        (59_960 * MILLISECOND, "1 m 00 s"),
        (125 * SECOND, "2 m 05 s"),
        (3_599_600 * MILLISECOND, "1 h 00 m"),
        (3_780 * SECOND, "1 h 03 m"),
    ],
)
def test_duration(nanoseconds, words):
    assert formats.duration(nanoseconds) == words


def test_count():
    assert formats.count(1234567) == "1\u2009234\u2009567"
    assert formats.count(0) == "0"
    assert formats.count(None) == "?"


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("<b>as it is</b>", "<b>as it is</b>"),
        (True, "true"),
        (7, "7"),
        (0.25, "0.25"),
        (None, "null"),
        (b"\x00\xff", '"AP8="'),
        (["stop", "länge"], '["stop", "länge"]'),
        ({"a": [b"\x01", {"b": 1}]}, '{\n  "a": [\n    "AQ==",\n    {\n      "b": 1\n    }\n  ]\n}'),
    ],
)
def test_value(attribute, words):
    assert formats.value(attribute) == words
