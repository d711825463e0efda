"""The line of a server's latency, as the paths that are drawn."""

from venom_otel.cockpit.home.sparkline import HEIGHT, WIDTH, drawing
from venom_otel.services.latencies import STEPS, Step


def steps(*seconds, unanswered=()):
    return [Step(number, each, number in unanswered or each is None) for number, each in enumerate(seconds)]


def test_nothing_is_known():
    assert drawing([]) == ("", "", "Latency: no answer now, none at most within half an hour")


def test_the_newest_is_at_the_right_and_the_slowest_at_the_top():
    drawn = drawing(steps(0.1, 0.2, 0.05))
    assert drawn.line == f"M{WIDTH - 5} 12h0L{WIDTH - 3} 2L{WIDTH - 1} 17"
    assert drawn.missed == ""
    assert drawn.words == "Latency: 50.0 ms now, 200 ms at most within half an hour"


def test_a_fast_server_draws_a_line_that_lies_low():
    assert drawing(steps(0.001, 0.002)).line == f"M{WIDTH - 3} 21h0L{WIDTH - 1} 20"


def test_the_line_breaks_off_where_no_look_was_answered():
    drawn = drawing(steps(0.2, None, 0.2, 0.2, unanswered=(3,)))
    assert drawn.line == f"M{WIDTH - 7} 2h0M{WIDTH - 3} 2h0L{WIDTH - 1} 2"
    assert drawn.missed == f"M{WIDTH - 5} {HEIGHT}v-6M{WIDTH - 1} {HEIGHT}v-6"
    assert drawn.words == "Latency: 200 ms now, 200 ms at most within half an hour; 2 half minutes with a look that was not answered"


def test_all_of_it_lies_inside():
    drawn = drawing(steps(*[0.1] * STEPS))
    assert drawn.line.startswith("M1 ")
    assert drawn.line.count("L") == STEPS - 1
