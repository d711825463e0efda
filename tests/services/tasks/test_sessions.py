"""Conversations in bounded memory."""

from venom_otel.services.tasks.limits import Limits
from venom_otel.services.tasks.model import Message, Role
from venom_otel.services.tasks.sessions import Sessions


def said(*texts):
    return [Message(Role.USER, text) for text in texts]


def texts(sessions, name):
    return [message.content for message in sessions.of(name)]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_go_on():
    sessions = Sessions(Limits())
    assert texts(sessions, "talk") == []
    sessions.add("talk", said("one", "two"))
    sessions.add("talk", said("three"))
    sessions.add("other", said("x"))
    assert texts(sessions, "talk") == ["one", "two", "three"]
    assert sessions.characters == 12


def test_the_oldest_messages_go_but_the_systems():
    sessions = Sessions(Limits(conversation=10))
    sessions.add("talk", [Message(Role.SYSTEM, "brief"), *said("aaa", "bbb")])
    assert texts(sessions, "talk") == ["brief", "bbb"]
    sessions.add("talk", said("c" * 50))
    assert texts(sessions, "talk") == ["brief", "c" * 50]
    assert sessions.characters == 55


def test_so_many_messages():
    sessions = Sessions(Limits(messages=3))
    sessions.add("talk", said(*"abcdefgh"))
    assert texts(sessions, "talk") == ["f", "g", "h"]


def test_what_rested_longest_goes_where_there_are_too_many():
    sessions = Sessions(Limits(sessions=2))
    for name in ("a", "b"):
        sessions.add(name, said(name))
    sessions.add("a", said("again"))
    sessions.add("c", said("c"))
    assert [len(sessions.of(name)) for name in "abc"] == [2, 0, 1]


def test_what_is_too_much_together():
    sessions = Sessions(Limits(conversations=10))
    sessions.add("a", said("x" * 6))
    sessions.add("b", said("x" * 6))
    assert (len(sessions), sessions.characters) == (1, 6)


def test_what_nobody_goes_on_with():
    clock = Clock()
    sessions = Sessions(Limits(kept_s=60), clock)
    sessions.add("talk", said("one"))
    clock.now = 61
    assert texts(sessions, "talk") == []
    assert (len(sessions), sessions.characters) == (0, 0)
