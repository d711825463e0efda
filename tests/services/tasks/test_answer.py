"""The text of an answer, read from any character on."""

import random

from venom_otel.services.tasks.answer import PIECE, Answer


def test_any_part_of_it():
    chance = random.Random(7)
    answer, text = Answer(), ""
    for _ in range(4000):
        piece = "".join(chance.choices("abc äß🙂", k=chance.randint(1, 9)))
        answer.add(piece)
        text += piece
    assert (str(answer), answer.length) == (text, len(text))
    for _ in range(200):
        begin, end = sorted(chance.sample(range(len(text) + 1), 2))
        assert "".join(answer.between(begin, end)) == text[begin:end]


def test_pieces_are_few_and_short():
    answer = Answer()
    for _ in range(100 * PIECE):
        answer.add("x")
    pieces = list(answer.between(0, answer.length))
    assert len(pieces) == 100
    assert max(len(piece) for piece in pieces) == PIECE


def test_nothing():
    assert list(Answer().between(0, 0)) == []
    assert str(Answer()) == ""
