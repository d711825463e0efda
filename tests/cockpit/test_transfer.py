"""How fast something comes, and when it will be there."""

import pytest

from venom_otel.cockpit.home.transfer import WINDOW_S, Transfer, whole_seconds

MB = 1_000_000


def noted(*samples):
    transfer = Transfer()
    for at_s, completed, total in samples:
        transfer.note(at_s, completed, total)
    return transfer


def test_nothing_is_known_of_the_first_moment():
    transfer = noted((100.0, 5 * MB, 20 * MB))
    assert (transfer.rate, transfer.left_s) == (None, None)
    assert transfer.in_words() == "5.00 MB of 20.0 MB"
    assert transfer.part == 0.25


def test_rate_and_time_left():
    transfer = noted((100.0, 0, 20 * MB), (100.4, MB, 20 * MB), (102.0, 4 * MB, 20 * MB))
    assert transfer.rate == 2 * MB
    assert transfer.left_s == 8
    assert transfer.in_words() == "4.00 MB of 20.0 MB · 2.00 MB/s · 8 s left"


def test_what_was_there_before_is_no_speed():
    """A transfer that goes on where another one was broken off."""
    assert noted((0.0, 15 * MB, 20 * MB), (2.0, 17 * MB, 20 * MB)).rate == MB


def test_the_past_is_forgotten():
    slow = [(float(second), second * 1000, 20 * MB) for second in range(60)]
    fast = [(60.0 + second, 60_000 + second * MB, 20 * MB) for second in range(int(WINDOW_S) + 2)]
    assert noted(*slow, *fast).rate == MB


def test_a_transfer_that_hangs_has_no_rate():
    samples = [(float(second), MB, 20 * MB) for second in range(20)]
    transfer = noted((0.0, 0, 20 * MB), *samples)
    assert (transfer.rate, transfer.left_s) == (None, None)
    assert transfer.in_words() == "1.00 MB of 20.0 MB"


def test_the_end_has_no_time_left():
    assert noted((0.0, 0, MB), (2.0, MB, MB)).in_words() == "1.00 MB of 1.00 MB · 500 kB/s"
    assert noted((0.0, 0, MB), (2.0, MB - 1, MB)).in_words().endswith("almost there")


def test_one_that_begins_anew():
    transfer = noted((0.0, 0, MB), (2.0, MB, MB), (3.0, 1000, MB))
    assert transfer.rate is None


def test_nothing_at_all():
    transfer = noted((0.0, 0, 0))
    assert (transfer.part, transfer.rate) == (0.0, None)


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 m 00 s"), (105, "1 m 45 s"), (3780, "1 h 03 m")])
def test_seconds_in_words(seconds, words):
    assert whole_seconds(seconds) == words
