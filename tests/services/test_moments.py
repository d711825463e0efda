"""Times as people write them."""

import pytest

from venom_otel.services.moments import moment, span_ns

SECOND = 1_000_000_000
NOW = 1_790_000_000 * SECOND


@pytest.mark.parametrize(
    ("words", "ns"),
    [
        ("0s", NOW),
        ("30s", NOW - 30 * SECOND),
        ("15m", NOW - 900 * SECOND),
        (" 2h ", NOW - 7200 * SECOND),
        ("7d", NOW - 7 * 86_400 * SECOND),
        ("1w", NOW - 7 * 86_400 * SECOND),
        ("999999999w", 0),
        ("2026-09-21T14:13:20Z", NOW),
        ("2026-09-21T16:13:20+02:00", NOW),
        ("2026-09-21T14:13:20", NOW),  # UTC where no offset is given
        ("2026-09-21 14:13:20.000001", NOW + 1_000),
        ("2026-09-21", NOW - (14 * 3600 + 13 * 60 + 20) * SECOND),
        ("1950-01-01", 0),
    ],
)
def test_a_moment(words, ns):
    assert moment(words, NOW) == ns


@pytest.mark.parametrize("words", ["", "yesterday", "15", "m", "15 m", "-15m", "15m ago", "2026-13-01", "٣m", "1.5h"])
def test_what_is_none_is_said_with_what_would_do(words):
    with pytest.raises(ValueError, match="is no time: give one like 2026-11-22T21:04:05Z, or how long ago, like 30s, 15m"):
        moment(words, NOW)
    with pytest.raises(ValueError, match="is no span of time: give one like 30s, 15m"):
        span_ns(words)


def test_a_span():
    assert span_ns("5m") == 300 * SECOND
