"""A server's own words, as people are shown them by whoever looks at it or tells it something."""

import pytest

from venom_otel.runtimes.words import READ, SHOWN, message, shown

KEY = "Zx9-planted.KEY~42"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "no such model"}}', "no such model"),
        (b'{"error": "no such model"}', "no such model"),
        (b'{"detail": "no such model"}', "no such model"),
        (b'{"error": {"code": 5}}', '{"error": {"code": 5}}'),
        (b'{"error": {"message": {"detail": "deeper"}}}', '{"error": {"message": {"detail": "deeper"}}}'),
        (b'{"message": {"error": "no such model"}}', "no such model"),
        (b"[1]", "[1]"),
        (b"<html>no such model", "<html>no such model"),
        (b"[" * 100_000, "[" * 4096),
        (b"\xff", "\ufffd"),
        (b"", ""),
    ],
)
def test_the_message_of_an_error(body, words):
    assert message(body) == words


@pytest.mark.parametrize("before", [0, 200, SHOWN - 5, READ - 5])
@pytest.mark.parametrize("blank", [" ", "x"])
def test_no_part_of_a_key_is_shown(before, blank):
    words = shown(f"it said {blank * before} {KEY} and more", [KEY])
    assert KEY[:5] not in words
    assert len(words) <= SHOWN


def test_what_is_too_long_is_cut_and_says_so():
    assert shown("x" * SHOWN, ()) == "x" * SHOWN
    assert shown("x" * (SHOWN + 1), ()) == "x" * (SHOWN - 1) + "…"
    assert shown("x" * (2 * READ), (), None) == "x" * (2 * READ)
    assert shown("x" * 20, (), 10) == "x" * 9 + "…"


def test_where_the_reading_ends_the_last_word_may_be_half_of_one():
    assert shown("one two" + " " * READ + "three", ()) == "one"
    assert shown("one two" + " " * (READ - 7), ()) == "one two"


def test_one_line_that_steers_no_terminal():
    assert shown("a\r\n\tb\x1b[2J", ()) == "a b\ufffd[2J"
