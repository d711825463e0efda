"""What the page says of a comparison, without a page."""

import pytest

from venom_otel.cockpit.compare import charts, views
from venom_otel.cockpit.compare.choice import Choice
from venom_otel.cockpit.history.filters import RANGES
from venom_otel.cockpit.texts import compare as texts
from venom_otel.services.compared import Comparison, Cost, Difference, Grouping, Metric, Row, marks_of, versus
from venom_otel.services.figures import DAY, HOUR, SECOND, Window
from venom_otel.store.distribution import Distribution, bucket
from venom_otel.store.protocol import Dimension, RequestStatus

NOW = 1_790_000_040 * SECOND


def spread(seconds, number):
    return Distribution(round(number * seconds * SECOND), {bucket(round(seconds * SECOND)): number} if number else {})


def row(provider="ollama", model="a", endpoint="http://o:1/v1", *, completed=30, failed=0, seconds=1.0, first=0.0, **more):
    counts = {RequestStatus.COMPLETED: completed, RequestStatus.FAILED: failed, RequestStatus.CANCELLED: 0}
    said = {
        "group": {Dimension.PROVIDER: provider, Dimension.MODEL: model, Dimension.ENDPOINT: endpoint},
        "speed": None, "written": completed, "error_kinds": {}, "cold_starts": None, "told_cold": 0, "stood_in": 0, "gave_way": 0,
        "input_tokens": 0, "output_tokens": 0, "cost": None,
    }  # fmt: skip
    return Row(counts=counts, duration=spread(seconds, completed), first_chunk=spread(first, completed if first else 0), **(said | more))


def comparison(*rows, currency=None):
    return Comparison(Window(NOW - HOUR, NOW), Grouping.PLACE, rows, marks_of(rows), currency)


def cells(of, *, currency=None, choice=None):
    found = views.table_row(comparison(of, currency=currency), of, choice or Choice())
    return {cell["name"]: cell for cell in found["cells"]}


# -- the address -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "choice",
    [
        Choice(),
        Choice(since="7d", by=Grouping.MODEL, service="chat & co", sort="-speed", rows=("a|b", "c|http://x:1/v1?&=")),
        Choice(since="2026-11-22T10:00:00Z", until="2026-11-23T10:00:00Z"),
    ],
)
def test_the_address_says_it_all(choice):
    assert Choice.from_address(choice.address()) == choice


@pytest.mark.parametrize("query", ["since=noon", "by=colour", "until=later", "unknown=1", "since="])
def test_what_an_address_cannot_say_is_not_said(query):
    assert Choice.from_address(f"/compare?{query}") == Choice()
    assert Choice().address() == "/compare"


def test_windows():
    assert Choice().window(NOW) == Window(NOW - DAY, NOW)
    assert Choice(since="2026-09-21T14:00:00Z", until="2026-09-21T13:00:00Z").window(NOW).length_ns > 0
    fixed = Choice(since="1h", by=Grouping.MODEL).fixed(NOW)
    assert (fixed.since, fixed.until, fixed.by) == ("2026-09-21T13:14:00Z", "2026-09-21T14:14:00Z", Grouping.MODEL)
    assert fixed.window(NOW + DAY) == Window(NOW - HOUR, NOW)
    assert (fixed.chosen_range(RANGES), Choice().chosen_range(RANGES)) == (True, False)


def test_two_rows_at_most_are_picked():
    choice = Choice().pick("a").pick("b")
    assert choice.rows == ("a", "b")
    assert choice.pick("c").rows == ("b", "c")
    assert choice.pick("a").rows == ("b",)
    assert Choice.from_address("/compare?row=a&row=a&row=b&row=c").rows == ("a", "b")


def test_a_row_leads_to_its_requests():
    choice = Choice(since="7d", service="chat-api")
    assert choice.requests_of(row()) == "/history?provider=ollama&model=a&endpoint=http://o:1/v1&service=chat-api&since=7d"
    nameless = row(provider=None, model=None, endpoint=None)
    assert Choice().requests_of(nameless) == "/history?since=24h"


# -- names and order -----------------------------------------------------------------------------------------------------------------


def test_names():
    rows = [row(model="org/gemma-3-4b-it"), row(model="llama"), row("vllm", "llama", "https://gpu.example.org:8000/v1"), row(model=None)]
    assert views.names(rows) == ["gemma-3-4b-it", "llama @ o:1/v1", "llama @ gpu.example.org:8…", "unknown"]
    endpoint = row(group={Dimension.ENDPOINT: "http://o:1/v1"})
    assert (views.title(endpoint), views.place(endpoint)) == ("o:1/v1", "")


def test_order():
    rows = [
        row(model="slow", seconds=3, completed=30),
        row(model="none", completed=0, failed=9),
        row(model="Fast", seconds=1, completed=50),
    ]

    def ordered(sort):
        return [one.group[Dimension.MODEL] for one in views.ordered(rows, sort)]

    assert ordered("") == ordered("-requests") == ["Fast", "slow", "none"]
    assert ordered("duration_p50") == ["Fast", "slow", "none"]
    assert ordered("-duration_p50") == ["slow", "Fast", "none"]  # what has no value comes last, either way
    assert ordered("name") == ["Fast", "none", "slow"]
    assert ordered("-error_rate")[0] == "none"
    assert ordered("no such column") == ["slow", "none", "Fast"]


@pytest.mark.parametrize("column", [views.NAME, *views.columns(with_cost=True)])
def test_every_column_sorts_both_ways(column):
    first = views.pressed("", column) if column != "requests" else views.pressed("-speed", column)
    assert {first, views.pressed(first, column)} == {column, f"-{column}"}
    assert views.pressed(views.pressed(first, column), column) == first
    views.ordered([row(), row(model="b", completed=0, failed=1)], first)


def test_the_first_press_puts_the_best_on_top():
    assert [views.pressed("", column) for column in ("duration_p50", "first_token_p95", "speed", "tokens", "name")] == [
        "duration_p50", "first_token_p95", "-speed", "-tokens", "name",
    ]  # fmt: skip
    assert views.pressed("", "requests") == "requests"  # by which they are already


# -- cells -----------------------------------------------------------------------------------------------------------------------------


def test_what_is_not_known_is_no_zero():
    found = cells(row(completed=0, failed=25), currency="USD")
    words = {name: cell["text"] for name, cell in found.items()}
    unknown = ("duration_p50", "duration_p95", "first_token_p50", "first_token_p95", "speed", "cold", "tokens", "cost_per_answer")
    assert {words.pop(name) for name in unknown} == {texts.NOT_KNOWN}
    assert words == {"requests": "25", "error_rate": "100\u202f%", "cancelled": "0", "fallbacks": "0"}


def test_too_few_are_said():
    found = cells(row(completed=7))
    assert found["requests"]["more"] == texts.TOO_FEW
    assert found["duration_p50"]["few"]
    assert "few" not in cells(row(completed=20))["duration_p50"]


def test_cold_starts_fallbacks_tokens_and_errors():
    kinds = {"timeout": 3, "": 2, "auth": 1}
    found = cells(
        row(failed=6, error_kinds=kinds, cold_starts=2, told_cold=31, stood_in=5, gave_way=4, input_tokens=1_234_567, output_tokens=950)
    )
    words = {name: (found[name]["text"], found[name]["more"]) for name in ("cold", "fallbacks", "tokens", "error_rate")}
    assert words == {
        "cold": ("2", "of 31"),
        "fallbacks": ("stood in 5", "gave way 4"),
        "tokens": ("1.23\u2009M in", "950 out"),
        "error_rate": ("17\u202f%", "timeout 3 +2"),
    }
    assert found["error_rate"]["help"] == "timeout 3, unknown 2, auth 1"


def test_costs():
    assert "cost_per_answer" not in cells(row(cost=Cost(1, "USD", ())))
    known = cells(row(completed=30, cost=Cost(0.6, "USD", ())), currency="USD")["cost_per_answer"]
    assert (known["text"], known["more"]) == ("20.0", "0.60 USD in all")
    partly = cells(row(cost=Cost(0.6, "USD", ("new",))), currency="USD")["cost_per_answer"]
    assert (partly["text"], partly["more"], partly["help"]) == (texts.NOT_KNOWN, "≥ 0.60 USD in all", "No price for new")
    free = cells(row(cost=Cost(0, "USD", ())), currency="USD")["cost_per_answer"]
    assert (free["text"], free["more"]) == ("0", "0 USD in all")


@pytest.mark.parametrize(
    ("amount", "words"), [(0, "0"), (1e-9, "< 0.0001"), (0.00052, "0.00052"), (0.04491, "0.0449"), (0.5, "0.50"), (1234, "1234")]
)
def test_money(amount, words):
    assert texts.money(amount) == words


def test_best_and_worst():
    rows = [row(model="slow", seconds=3), row(model="fast"), row(model="few", seconds=0.1, completed=5)]
    found = comparison(*rows)
    verdicts = [{cell["name"]: cell.get("verdict", "") for cell in views.table_row(found, one, Choice())["cells"]} for one in rows]
    assert [verdict["duration_p50"] for verdict in verdicts] == ["worst", "best", ""]
    assert {verdict["error_rate"] for verdict in verdicts} == {""}  # nobody failed


# -- side by side, charts ----------------------------------------------------------------------------------------------------------------


def test_two_rows_in_words():
    lines = [views.difference(one) for one in versus(row(seconds=1.8, failed=10), row("vllm", seconds=1, failed=0, first=0.5))]
    words = {line["name"]: line["words"] for line in lines}
    assert words["Duration, median"] == "B: 1.8\u00d7 faster"
    assert words["Failed"] == "B: never failed"
    assert words["First token, median"] == ""
    median = lines[0]
    assert (median["values"], median["bars"][0], median["better"]) == (["1.79 s", "995 ms"], 100, 1)


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (Difference(Metric.FIRST_P50, (SECOND, 1.84 * SECOND), 0, 1.84, few=False), "A: 1.8\u00d7 faster to the first token"),
        (Difference(Metric.COST, (0, 0.1), 0, None, few=False), "A: costs nothing"),
        (Difference(Metric.SPEED, (100, 104), None, 1.04, few=False), texts.ABOUT_THE_SAME),
        (Difference(Metric.SPEED, (100, 100), None, 1.0, few=False), texts.SAME),
        (Difference(Metric.ERROR_RATE, (0.01, 0.12), 0, 12, few=True), "A: fails 12\u00d7 less often (few requests)"),
        (Difference(Metric.SPEED, (100, None), None, None, few=True), ""),
    ],
)
def test_a_difference_in_words(difference, words):
    assert views.difference(difference)["words"] == words


def test_charts_show_what_is_known():
    rows = [row(model="a", seconds=2, first=0.5), row(model="b", completed=5), row(model="c", completed=0, failed=30)]
    durations, firsts = charts.latency(rows)["series"]
    assert [point[0] for point in durations["data"]] == [0, 1]
    assert [point[0] for point in firsts["data"]] == [0]
    assert durations["data"][0][1:3] == [pytest.approx(2, rel=0.012)] * 2
    axis = charts.latency(rows)["xAxis"]
    assert (axis["min"], axis["max"]) == (0.1, 10)
    assert charts.latency(rows)["yAxis"]["data"] == ["a", "b\nonly 5 requests", "c"]
    (errors,) = charts.errors(rows)["series"]
    assert [point["value"] for point in errors["data"]] == [[0, 0], [0, 1], [100, 2]]
    assert charts.cost(rows, "USD")["series"][0]["data"] == []
    assert charts.latency([])["series"][0]["data"] == []


def test_a_charts_names_fit_beside_it_and_stay_apart():
    rows = [row(model="gemma-3", endpoint=f"http://127.0.0.1:{port}/v1", completed=15) for port in (45125, 36525)]
    names = charts.latency(rows)["yAxis"]["data"]
    assert all(len(line) <= 26 for name in names for line in name.splitlines())
    assert len(set(names)) == 2


def test_colours_come_from_the_theme():
    for options in (charts.latency([row()]), charts.speed([row()]), charts.errors([row()]), charts.cost([row()], "USD")):
        assert all(series["color"].startswith("var(--") for series in options["series"])
