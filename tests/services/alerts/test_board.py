"""Troubles become alerts, and alerts end: times are given, nothing is asked."""

from __future__ import annotations

import random
from dataclasses import replace

from venom_otel.services.alerts.board import MAX_ALERTS, QUIET_NS, RELAPSE_NS, SECOND, STEADY_NS, Board
from venom_otel.services.alerts.model import Alert, AlertKind, Subject, Trouble

SUBJECT = Subject(AlertKind.PROVIDER_ERROR, "http://gpu:8000/v1", "gemma-3-4b-it", "server_error")
START = 1_700_000_000 * SECOND


def trouble(at_s: float, subject: Subject = SUBJECT, **more: str) -> Trouble:
    return Trouble(subject, START + round(at_s * SECOND), provider="vllm", **more)


def at(seconds: float) -> int:
    return START + round(seconds * SECOND)


def only(board: Board) -> Alert:
    (alert,) = board.alerts
    return alert


def test_a_thousand_equal_failures_are_one_alert():
    board = Board()
    for number in range(1000):
        board.trouble(trouble(number / 100, words=f"failure {number}", trace_id=f"{number:032x}"))
    alert = only(board)
    assert alert == Alert(
        id=f"{SUBJECT.fingerprint}-{START:x}", newest=trouble(9.99, words="failure 999", trace_id=f"{999:032x}"), count=1000, first_ns=START
    )
    assert board.take_changed() == [alert]
    assert board.take_changed() == []


def test_what_differs_in_its_subject_is_another_alert():
    board = Board()
    others = [SUBJECT._replace(**{field: value}) for field, value in [("endpoint", "http://b"), ("model", "m"), ("error_kind", "timeout")]]
    for subject in [SUBJECT, *others, SUBJECT._replace(kind=AlertKind.FALLBACK)]:
        board.trouble(trouble(1, subject))
    assert [alert.count for alert in board.alerts] == [1] * 5
    assert len({alert.id for alert in board.alerts}) == 5


def test_late_arrivals_count_and_do_not_become_the_newest():
    board = Board()
    board.trouble(trouble(10, words="new"))
    board.trouble(trouble(5, words="old"))
    alert = only(board)
    assert (alert.count, alert.first_ns, alert.last_ns, alert.newest.words) == (2, at(5), at(10), "new")


def test_it_ends_when_things_were_right_after_the_newest_trouble():
    board = Board()
    board.trouble(trouble(10))
    board.right(only(board), at(9), at(11), "too early")
    board.right(only(board), at(10), at(11), "at the same time proves nothing")
    assert board.active
    board.right(only(board), at(10.5), at(11), "answered")
    alert = only(board)
    assert not board.active
    assert (alert.resolved_ns, alert.resolution) == (at(11), "answered")
    board.right(alert, at(20), at(21), "again")
    assert only(board) == alert


def test_a_failure_from_before_the_end_that_arrives_late_does_not_begin_it_anew():
    board = Board()
    board.trouble(trouble(10))
    board.right(only(board), at(12), at(13), "answered")
    board.trouble(trouble(12.5))
    assert not board.active
    assert only(board).count == 2


def test_one_that_comes_back_soon_goes_on_and_must_be_steady_before_it_ends():
    board = Board()
    board.trouble(trouble(0))
    board.acknowledge(only(board).id, "page", at(1))
    board.right(only(board), at(2), at(3), "answered")
    board.trouble(trouble(4))
    back = only(board)
    assert (back.active, back.count, back.relapses, back.first_ns) == (True, 2, 1, at(0))
    assert back.acknowledged_ns is None, "who took note did not see this"
    board.right(back, at(5), at(6), "answered")
    assert board.active, "right for two seconds is not steady"
    board.right(back, at(5), at(4) + STEADY_NS, "answered")
    assert not board.active


def test_a_server_that_is_back_again_is_back():
    board = Board()
    down = SUBJECT._replace(kind=AlertKind.SERVER_OFFLINE)
    for second in (0, 10):
        board.trouble(trouble(second, down))
        board.right(only(board), at(second + 1), at(second + 1), "online")
        assert not board.active
    assert only(board).relapses == 1


def test_one_that_comes_back_late_is_another():
    board = Board()
    board.trouble(trouble(0))
    board.right(only(board), at(1), at(2), "answered")
    first = only(board)
    board.trouble(replace(trouble(0), at_ns=at(2) + RELAPSE_NS + 1))
    second = only(board)
    assert second.id != first.id
    assert (second.count, second.relapses, second.active) == (1, 0, True)
    assert {alert.id for alert in board.take_changed()} == {first.id, second.id}


def test_a_failing_model_that_nobody_asks_any_more_rests_after_a_day_and_a_server_does_not():
    board = Board()
    board.trouble(trouble(0))
    down = SUBJECT._replace(kind=AlertKind.SERVER_OFFLINE)
    board.trouble(trouble(0, down))
    board.let_rest(START + QUIET_NS)
    assert len(board.active) == 2
    board.let_rest(START + QUIET_NS + 1)
    assert [alert.subject for alert in board.active] == [down]


def test_acknowledging():
    board = Board()
    assert board.acknowledge("nothing", "page", at(1)) is None
    board.trouble(trouble(0))
    noted = board.acknowledge(only(board).id, "page", at(1))
    assert noted == only(board)
    assert (noted.acknowledged_ns, noted.acknowledged_by) == (at(1), "page")
    assert board.acknowledge(noted.id, "somebody else", at(2)) == noted
    board.trouble(trouble(3))
    assert only(board).acknowledged_by == "page", "it lasts; the count grows"


def test_the_board_is_bounded_and_active_alerts_stay_longest():
    board = Board()
    for number in range(MAX_ALERTS):
        board.trouble(trouble(number, SUBJECT._replace(model=f"m{number}")))
    oldest = board.alerts[-1]
    board.right(board.alerts[0], at(10_000), at(10_000), "answered")
    board.trouble(trouble(20_000, SUBJECT._replace(model="one more")))
    assert len(board.alerts) == MAX_ALERTS
    assert oldest in board.alerts
    assert len(board.active) == MAX_ALERTS, "the one that had ended left"
    board.trouble(trouble(20_001, SUBJECT._replace(model="and another")))
    assert oldest not in board.alerts


def test_what_was_known_goes_on():
    before = Board()
    before.trouble(trouble(0))
    board = Board(before.alerts)
    board.trouble(trouble(1))
    assert only(board).count == 2
    assert only(board).id == only(before).id


def test_whatever_comes_in_whatever_order_no_trouble_is_lost():
    for seed in range(200):
        draw = random.Random(seed)
        board, counted = Board(), 0
        for moment in range(50):
            if draw.random() < 0.6:
                board.trouble(trouble(max(0, moment - draw.choice([0, 0, 1, 5]))))
                counted += 1
            for alert in board.active:
                if draw.random() < 0.3:
                    board.right(alert, at(moment), at(moment), "answered")
        alert = only(board)
        assert alert.count == counted, "nothing lies as far apart as to be another alert"
        assert alert.first_ns <= alert.last_ns
        assert (alert.resolution is None) == alert.active
