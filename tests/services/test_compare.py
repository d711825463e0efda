"""Models and servers side by side: what is counted for whom, what is compared, and what it costs."""

import json

import pytest
from support.otlp import SECOND, chat, traces
from support.patience import WAIT_S

from venom_otel.instrumentation.pricing import PriceTable
from venom_otel.services.compare import compare
from venom_otel.services.compared import FEW, Grouping, Marks, Metric, count_of, marks_of, value_of, versus
from venom_otel.services.figures import HOUR, Window
from venom_otel.services.prices import Prices
from venom_otel.store.protocol import Dimension, RequestStatus, Signal

START = 1_790_000_040 * SECOND  # a whole minute
WINDOW = Window(START, START + HOUR)
TOLERANCE = 0.012
"""Of a percentile, by the store's buckets."""
OLLAMA, VLLM = "http://ollama:1/v1", "http://vllm:1/v1"
TOKENS = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 50}


def answered(provider="ollama", model="a", seconds=1.0, number=1, **more):
    said = TOKENS | {name.replace("__", "."): value for name, value in more.items()}
    return [
        chat(provider, model, more=said, start_ns=START + at * SECOND // 100, duration_ns=round(seconds * SECOND)) for at in range(number)
    ]


def failed(provider="ollama", model="a", kind="timeout", number=1, **more):
    said = {"llm.outcome": "error", "llm.error.kind": kind} | {name.replace("__", "."): value for name, value in more.items()}
    return [chat(provider, model, more=said, start_ns=START, duration_ns=SECOND // 1000, status=2) for _ in range(number)]


def send(store, *groups, service="chat-api"):
    store.write(Signal.TRACES, traces(*(span for group in groups for span in group), service=service)).result(WAIT_S)


def prices(tmp_path, models, currency="USD"):
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"currency": currency, "models": models}))
    return Prices(path)


async def rows(history, by=Grouping.PLACE, **more):
    found = await compare(history, WINDOW, by, **more)
    return {tuple(row.group.values()): row for row in found.rows}


# -- what a row counts -------------------------------------------------------------------------------------------------------------


async def test_what_a_row_counts(store, history):
    stream = {"gen_ai__request__stream": True, "gen_ai__response__time_to_first_chunk": 0.25}
    send(store, answered(seconds=2, number=4, **stream), answered(seconds=4))
    send(store, failed(number=2), failed(kind="auth"), failed(kind=""))
    send(store, [chat("ollama", "a", more={"llm.outcome": "cancelled"}, start_ns=START)])
    ((group, row),) = (await rows(history)).items()
    assert group == ("ollama", "a", "http://ollama:1/v1")
    assert row.counts == {RequestStatus.COMPLETED: 5, RequestStatus.FAILED: 4, RequestStatus.CANCELLED: 1}
    assert (row.requests, row.error_rate, row.few) == (10, 0.4, True)
    assert list(row.error_kinds.items()) == [("timeout", 2), ("auth", 1), ("", 1)]
    assert row.duration.count == 5
    assert value_of(row, Metric.DURATION_P50) == pytest.approx(2 * SECOND, rel=TOLERANCE)
    assert value_of(row, Metric.DURATION_P95) == pytest.approx(4 * SECOND, rel=TOLERANCE)
    assert value_of(row, Metric.FIRST_P50) == pytest.approx(SECOND / 4, rel=TOLERANCE)
    assert value_of(row, Metric.SPEED) == pytest.approx(4 * 49 / (4 * 1.75))  # of what came whole it is not known
    assert [count_of(row, metric) for metric in (Metric.DURATION_P50, Metric.FIRST_P50, Metric.SPEED)] == [5, 4, 4]
    assert (row.input_tokens, row.output_tokens) == (500, 250)
    assert (row.cold_starts, row.told_cold, row.stood_in, row.gave_way, row.cost) == (None, 0, 0, 0, None)


async def test_who_fails_at_once_is_not_fast(store, history):
    send(store, answered(seconds=2), failed(number=99))
    (row,) = (await rows(history)).values()
    assert value_of(row, Metric.DURATION_P50) == pytest.approx(2 * SECOND, rel=TOLERANCE)
    send(store, failed("vllm"))
    row = (await rows(history, Grouping.PROVIDER))["vllm",]
    assert [value_of(row, metric) for metric in (Metric.DURATION_P50, Metric.FIRST_P95, Metric.SPEED)] == [None] * 3


async def test_cold_starts(store, history):
    send(store, answered(llm__cold_start=True), answered(number=2, llm__cold_start=False), failed(llm__cold_start=True), answered(number=5))
    (row,) = (await rows(history)).values()
    assert (row.cold_starts, row.told_cold) == (2, 4)
    send(store, answered("vllm", "b", llm__cold_start=False))
    assert (await rows(history, Grouping.MODEL))["b",].cold_starts == 0


async def test_fallbacks(store, history):
    """Of three: the first answers, or fails and is followed by the second, which fails too and is followed by the third, which may fail."""
    first, instead = {"llm__route__fallback": False}, {"llm__route__fallback": True}
    gave_way, was_last = {"llm__route__gave_way": True}, {"llm__route__gave_way": False}
    send(store, answered(number=4, **first), failed(number=3, **first, **gave_way), failed(kind="auth", **first, **was_last))
    send(store, answered("vllm", "b", **instead), failed("vllm", "b", number=2, **instead, **gave_way))
    send(store, answered("openai", "c", **instead), failed("openai", "c", **instead, **was_last))
    send(store, answered(number=9), failed(number=5))
    found = await rows(history, Grouping.PROVIDER)
    assert {name: (row.stood_in, row.gave_way) for (name,), row in found.items()} == {"ollama": (0, 3), "vllm": (1, 2), "openai": (1, 0)}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (Grouping.PLACE, {("ollama", "a", OLLAMA): 2, ("ollama", "b", OLLAMA): 3, ("vllm", "a", VLLM): 4}),
        (Grouping.MODEL, {("a",): 6, ("b",): 3}),
        (Grouping.PROVIDER, {("ollama",): 5, ("vllm",): 4}),
        (Grouping.ENDPOINT, {(OLLAMA,): 5, (VLLM,): 4}),
    ],
)  # fmt: skip
async def test_rows_of_each_grouping(store, history, by, expected):
    send(store, answered(number=2), answered(model="b", number=3), answered("vllm", number=4))
    found = await rows(history, by)
    assert {group: row.requests for group, row in found.items()} == expected
    assert [row.requests for row in found.values()] == sorted(expected.values(), reverse=True)
    assert len({row.key for row in found.values()}) == len(expected)


async def test_of_an_application_and_a_time(store, history):
    send(store, answered(number=2))
    send(store, answered("vllm"), service="batch")
    assert [group for (group,) in await rows(history, Grouping.PROVIDER, service="batch")] == ["vllm"]
    assert len(await rows(history, service=("batch", "chat-api"))) == 2
    later = Window(START + HOUR, START + 2 * HOUR)
    assert (await compare(history, later, Grouping.PLACE)).rows == []


async def test_names_that_nobody_said(store, history):
    send(store, [chat(more={"llm.provider": "vllm", "llm.model": "", "llm.endpoint": ""}, start_ns=START)])
    (row,) = (await rows(history)).values()
    assert dict(row.group) == {Dimension.PROVIDER: "vllm", Dimension.MODEL: None, Dimension.ENDPOINT: None}
    assert row.key == "vllm||"


# -- what is compared ----------------------------------------------------------------------------------------------------------------


async def test_the_best_and_the_worst(store, history):
    send(store, answered("fast", seconds=1, number=FEW, llm__timing__generation=0.5), failed("slow"))
    send(store, answered("slow", seconds=3, number=FEW, llm__timing__generation=1.5))
    send(store, answered("rare", seconds=0.1, number=FEW - 1, llm__timing__generation=0.05))
    found = await compare(history, WINDOW, Grouping.PROVIDER)
    by_name = {row.group[Dimension.PROVIDER]: row for row in found.rows}
    best = {name: {metric for metric in Metric if found.best(row, metric)} for name, row in by_name.items()}
    worst = {name: {metric for metric in Metric if found.worst(row, metric)} for name, row in by_name.items()}
    compared = {Metric.DURATION_P50, Metric.DURATION_P95, Metric.SPEED, Metric.ERROR_RATE}
    assert best == {"fast": compared, "slow": set(), "rare": set()}
    assert worst == {"fast": set(), "slow": compared, "rare": set()}
    assert found.marks[Metric.SPEED] == Marks(98, pytest.approx(98 / 3))


async def test_nothing_is_best_where_all_are_about_the_same(store, history):
    send(store, answered("a", seconds=1, number=FEW), answered("b", seconds=1.03, number=FEW))
    assert (await compare(history, WINDOW, Grouping.PROVIDER)).marks == {}
    assert marks_of([]) == {}


async def test_two_rows_side_by_side(store, history):
    first = {"gen_ai__request__stream": True, "gen_ai__response__time_to_first_chunk": 0.5}
    send(store, answered("a", seconds=1, number=FEW, **first), failed("b", number=5))
    send(store, answered("b", seconds=3, number=FEW - 5, llm__timing__generation=1.5))
    found = await rows(history, Grouping.PROVIDER)
    differences = {one.metric: one for one in versus(found["a",], found["b",])}
    assert set(differences) == {*Metric} - {Metric.COST}
    duration = differences[Metric.DURATION_P50]
    assert (duration.better, duration.factor, duration.few) == (0, pytest.approx(3, rel=2 * TOLERANCE), True)
    speed = differences[Metric.SPEED]
    assert (speed.better, speed.factor) == (0, pytest.approx(3))
    errors = differences[Metric.ERROR_RATE]
    assert (errors.values, errors.better, errors.factor, errors.few) == ((0, 0.25), 0, None, False)
    unknown = differences[Metric.FIRST_P50]
    assert (unknown.values[1], unknown.better, unknown.factor) == (None, None, None)
    assert [one.better for one in versus(found["b",], found["a",])] == [
        None if one.better is None else 1 - one.better for one in differences.values()
    ]


async def test_side_by_side_with_oneself(store, history):
    send(store, answered(number=FEW))
    (row,) = (await rows(history)).values()
    assert {(one.better, one.factor) for one in versus(row, row)} == {(None, 1)}


# -- what it costs -------------------------------------------------------------------------------------------------------------------


async def test_costs(store, history, tmp_path):
    send(store, answered("openai", "gpt", number=10), answered("vllm", "own", number=2))
    priced = prices(tmp_path, {"gpt": {"input": 2, "output": 8}, "vllm/own": {"input": 0, "output": 0}}, "EUR")
    found = await rows(history, Grouping.MODEL, prices=priced)
    assert found["gpt",].cost == (pytest.approx(10 * (100 * 2 + 50 * 8) / 1e6), "EUR", ())
    assert found["gpt",].cost_per_answer == pytest.approx((100 * 2 + 50 * 8) / 1e6)
    assert found["own",].cost == (0, "EUR", ())


async def test_the_cost_is_that_of_the_model_that_answered(store, history, tmp_path):
    send(
        store,
        answered("openai", "deployment-7", gen_ai__response__model="gpt-2026"),
        answered("openai", "deployment-7", gen_ai__response__model="mini"),
    )
    priced = prices(
        tmp_path, {"gpt-2026": {"input": 10, "output": 0}, "mini": {"input": 1, "output": 0}, "deployment-7": {"input": 99, "output": 99}}
    )
    (row,) = (await rows(history, prices=priced)).values()
    assert row.cost.amount == pytest.approx(100 * 11 / 1e6)


async def test_an_unknown_price_is_no_zero(store, history, tmp_path):
    send(store, answered("openai", "gpt"), answered("openai", "new"), answered("vllm", "own"), failed("mistral_ai", "gpt"))
    found = await rows(history, Grouping.PROVIDER, prices=prices(tmp_path, {"gpt": {"input": 2, "output": 8}}))
    assert found["vllm",].cost is None
    assert found["mistral_ai",].cost is None  # no tokens, as far as anybody knows
    assert found["openai",].cost.without_price == ("new",)
    assert found["openai",].cost.amount == pytest.approx(600 / 1e6)
    assert found["openai",].cost_per_answer is None


async def test_the_file_of_prices_is_read_when_it_changes(tmp_path, caplog):
    priced = prices(tmp_path, {"gpt": {"input": 2, "output": 8}})
    assert priced.table() == PriceTable("USD", {"gpt": (2, 8)})
    assert priced.problem == ""
    prices(tmp_path, {"gpt": {"input": 30, "output": 80}}, "EUR")
    assert priced.table().currency == "EUR"
    (tmp_path / "prices.json").write_text('{"currency": "EUR", "models": {"gpt": {"input": "much"}}}')
    assert (priced.table(), priced.table()) == (None, None)
    assert "VENOM_OTEL_PRICES=" in priced.problem
    assert "much" in priced.problem
    (tmp_path / "prices.json").unlink()
    assert priced.table() is None
    assert "cannot be read (No such file or directory)" in priced.problem
    assert len(caplog.records) == 2
    prices(tmp_path, {})
    assert (priced.table(), priced.problem) == (PriceTable("USD", {}), "")


async def test_a_broken_file_of_prices_costs_nothing_but_the_prices(store, history, tmp_path):
    send(store, answered())
    (tmp_path / "prices.json").write_text("{")
    found = await compare(history, WINDOW, Grouping.PLACE, prices=Prices(tmp_path / "prices.json"))
    assert (found.currency, len(found.rows), found.rows[0].cost) == (None, 1, None)
    assert "expected" in found.problem
