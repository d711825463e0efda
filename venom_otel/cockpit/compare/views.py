"""What the page shows of a comparison, as plain data: rows in, texts and numbers out, no component here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from venom_otel import semconv
from venom_otel.cockpit import formats, theme, views
from venom_otel.cockpit.texts import compare as texts
from venom_otel.services.compared import FEW, Grouping, Metric, count_of, value_of
from venom_otel.store.protocol import Dimension, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from venom_otel.cockpit.compare.choice import Choice
    from venom_otel.services.compared import Comparison, Difference, Row

Cell = dict[str, Any]

NAME: Final = "name"
USUAL_ORDER: Final = "-requests"
ANSWERS: Final = 1_000
"""Completed requests whose cost is said: of one it is a number that nobody can read."""
_NAME: Final = 26
"""Letters of a name beside a chart."""
_KINDS: Final = 1
"""Kinds of error that a row names."""
_DURATIONS: Final = frozenset({Metric.DURATION_P50, Metric.DURATION_P95, Metric.FIRST_P50, Metric.FIRST_P95})
_SMALLEST_FIRST: Final = _DURATIONS | {NAME}
"""Columns whose first press puts the smallest on top; the others begin with the largest."""
_ORDER: Final[Mapping[str, Callable[[Row], float | None]]] = {
    "requests": lambda row: row.requests,
    "cancelled": lambda row: row.counts[RequestStatus.CANCELLED],
    "cold": lambda row: row.cold_starts,
    "fallbacks": lambda row: row.stood_in + row.gave_way,
    "tokens": lambda row: row.input_tokens + row.output_tokens,
}


def title(row: Row) -> str:
    """What a row is called first."""
    group = row.group
    for dimension in (Dimension.MODEL, Dimension.PROVIDER, Dimension.ENDPOINT):
        if dimension in group:
            words = group[dimension]
            return (views.short_endpoint(words) if dimension is Dimension.ENDPOINT else words) or texts.UNKNOWN
    return texts.UNKNOWN


def place(row: Row) -> str:
    """Where a model is served; empty where rows are not told apart by it."""
    return views.short_endpoint(row.group.get(Dimension.ENDPOINT)) if Dimension.MODEL in row.group else ""


def names(rows: Sequence[Row]) -> Sequence[str]:
    """What tells rows apart in few words: the title without who published it, and where several have it also the place."""
    titles = [title(row).rpartition("/")[2] if Dimension.MODEL in row.group else title(row) for row in rows]
    found = [f"{name} @ {place(row)}" if titles.count(name) > 1 and place(row) else name for name, row in zip(titles, rows, strict=True)]
    return [name if len(name) <= _NAME else f"{name[: _NAME - 1]}\u2026" for name in found]


# -- order -------------------------------------------------------------------------------------------------------------------------


def ordered(rows: Sequence[Row], sort: str) -> Sequence[Row]:
    """Rows by a column, after a `-` from the largest value on; what has no value comes last, either way."""
    sort = sort or USUAL_ORDER
    column, reverse = sort.removeprefix("-"), sort.startswith("-")
    if column == NAME:
        return sorted(rows, key=lambda row: (title(row).casefold(), place(row)), reverse=reverse)
    if column not in columns(with_cost=True):
        return rows
    of = _ORDER.get(column) or (lambda row: value_of(row, Metric(column)))
    known = sorted((row for row in rows if of(row) is not None), key=lambda row: of(row) or 0, reverse=reverse)
    return [*known, *(row for row in rows if of(row) is None)]


def pressed(sort: str, column: str) -> str:
    """The order after a column's heading was pressed: its own first, then the other way round."""
    first = column if column in _SMALLEST_FIRST else f"-{column}"
    other = f"-{column}" if column in _SMALLEST_FIRST else column
    return other if (sort or USUAL_ORDER) == first else first


# -- table -------------------------------------------------------------------------------------------------------------------------


def columns(*, with_cost: bool) -> Mapping[str, tuple[str, str]]:
    """The columns of numbers with their headings."""
    return {str(name): words for name, words in texts.COLUMNS.items() if with_cost or name != Metric.COST}


def headings(grouping: Grouping, sort: str, *, with_cost: bool) -> Sequence[dict[str, Any]]:
    """The heading row, as `assets/compare_table.js` takes it."""
    sort = sort or USUAL_ORDER
    found = {NAME: (texts.GROUPINGS[grouping], ""), **columns(with_cost=with_cost)}
    return [
        {
            "name": name,
            "label": label,
            "more": more,
            "help": texts.COLUMN_HELP.get(name, ""),
            "sorted": {name: "ascending", f"-{name}": "descending"}.get(sort, "none"),
        }
        for name, (label, more) in found.items()
    ]


def table_row(comparison: Comparison, row: Row, choice: Choice) -> dict[str, Any]:
    """One row, as `assets/compare_table.js` takes it."""
    provider = row.group.get(Dimension.PROVIDER)
    about = place(row)
    if Dimension.PROVIDER in row.group and len(row.group) > 1:
        about = " · ".join(filter(None, (provider or semconv.PROVIDER_UNKNOWN, about)))
    return {
        "key": row.key,
        "href": choice.requests_of(row),
        "title": title(row),
        "place": about,
        "mark": theme.provider_mark(provider) if Dimension.PROVIDER in row.group else "",
        "few": row.few,
        "picked": texts.LETTERS[choice.rows.index(row.key)] if row.key in choice.rows else "",
        "cells": [{"name": name, **_cell(comparison, row, name)} for name in columns(with_cost=comparison.currency is not None)],
    }


def _cell(comparison: Comparison, row: Row, name: str) -> Cell:
    if name in _CELLS:
        return _CELLS[name](row)
    metric = Metric(name)
    value = value_of(row, metric)
    cell: Cell = {"text": in_words(metric, value), "more": "", "verdict": _verdict(comparison, row, metric), "help": ""}
    if value is not None and count_of(row, metric) < FEW:
        cell["few"], cell["help"] = True, texts.TOO_FEW_HELP
    if metric is Metric.ERROR_RATE:
        kinds = list(row.error_kinds.items())
        cell["more"] = texts.kinds(kinds[:_KINDS], len(kinds) - _KINDS)
        cell["help"] = texts.kinds(kinds, 0)
    if metric is Metric.COST and row.cost is not None:
        cell["more"] = texts.cost(row.cost)
        cell["help"] = texts.without_price(row.cost.without_price) if row.cost.without_price else ""
    return cell


def _verdict(comparison: Comparison, row: Row, metric: Metric) -> str:
    return "best" if comparison.best(row, metric) else "worst" if comparison.worst(row, metric) else ""


def _requests(row: Row) -> Cell:
    return {"text": formats.count(row.requests), "more": texts.TOO_FEW if row.few else "", "help": texts.TOO_FEW_HELP if row.few else ""}


def _cold(row: Row) -> Cell:
    if row.cold_starts is None:
        return {"text": texts.NOT_KNOWN, "more": ""}
    return {"text": formats.count(row.cold_starts), "more": texts.cold_of(row.told_cold)}


def _fallbacks(row: Row) -> Cell:
    if not row.stood_in and not row.gave_way:
        return {"text": "0", "more": ""}
    return {"text": texts.stood_in(row.stood_in), "more": texts.gave_way(row.gave_way)}


def _tokens(row: Row) -> Cell:
    if not row.input_tokens and not row.output_tokens:
        return {"text": texts.NOT_KNOWN, "more": ""}
    read, written = texts.tokens_read(short(row.input_tokens)), texts.tokens_written(short(row.output_tokens))
    return {"text": read, "more": written, "help": f"{formats.count(row.input_tokens)} → {formats.count(row.output_tokens)}"}


_CELLS: Final[Mapping[str, Callable[[Row], Cell]]] = {
    "requests": _requests,
    "cancelled": lambda row: {"text": formats.count(row.counts[RequestStatus.CANCELLED]), "more": ""},
    "cold": _cold,
    "fallbacks": _fallbacks,
    "tokens": _tokens,
}


def in_words(metric: Metric, value: float | None) -> str:
    """A value as a person reads it."""
    if value is None:
        return texts.NOT_KNOWN
    if metric in _DURATIONS:
        return formats.duration(round(value))
    if metric is Metric.ERROR_RATE:
        return formats.share(value)
    return texts.money(ANSWERS * value) if metric is Metric.COST else formats.figures(value)


def short(number: int) -> str:
    """A large number in three figures: `950`, `12.3 k`, `1.24 M`."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{formats.figures(number / size)}\u2009{unit}"
    return str(number)


# -- side by side ------------------------------------------------------------------------------------------------------------------


def difference(of: Difference) -> dict[str, Any]:
    """One line of two rows side by side."""
    if of.better is not None:
        words = texts.better(texts.LETTERS[of.better], of.metric, of.factor)
    else:
        words = "" if of.factor is None else texts.SAME if of.values[0] == of.values[1] else texts.ABOUT_THE_SAME
    return {
        "name": texts.METRICS[of.metric],
        "values": [in_words(of.metric, value) for value in of.values],
        "bars": _bars(of),
        "better": of.better,
        "words": texts.few(words) if of.few and words else words,
    }


def _bars(of: Difference) -> Sequence[float]:
    """How long each value's bar is, in per cent of the longer one."""
    largest = max((value for value in of.values if value is not None), default=0)
    return [round(100 * value / largest, 1) if value and largest else 0 for value in of.values]
