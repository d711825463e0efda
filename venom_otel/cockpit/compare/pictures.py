"""The charts above the table: which is faster, which fails, which costs more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from nicegui import ui

from venom_otel.cockpit.compare import charts, views
from venom_otel.cockpit.texts import compare as texts
from venom_otel.services.compared import Metric, value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.cockpit.plots import Options
    from venom_otel.services.compared import Comparison, Row

_LATENCIES: Final = (Metric.DURATION_P50, Metric.DURATION_P95, Metric.FIRST_P50, Metric.FIRST_P95)


class _Chart(NamedTuple):
    """One chart with what stands above it."""

    box: ui.element
    head: ui.element
    title: ui.label
    plot: ui.echart


class Pictures:
    """One browser's charts of a comparison."""

    def build(self) -> ui.element:
        """Build them, still empty."""
        with ui.element("section").classes("compare-charts").props(f'aria-label="{texts.CHARTS}"') as section:
            self._latency = _chart(texts.LATENCY, texts.LATENCY_HELP, "is-latency")
            with self._latency.head:
                for name, kind in ((texts.DURATION, "is-duration"), (texts.FIRST, "is-first")):
                    with ui.element("span").classes(f"figure {kind}"):
                        ui.label(name).classes("figure-name")
                self._left_out = ui.label().classes("chart-range")
            self._speed = _chart(texts.SPEED, texts.SPEED_CHART_HELP)
            self._errors = _chart(texts.ERRORS, texts.ERRORS_HELP)
            self._cost = _chart(texts.COST, texts.COST_HELP)
        return section

    def show(self, comparison: Comparison, rows: Sequence[Row]) -> None:
        """Show the first of these rows, in their order."""
        shown = rows[: charts.MAX_ROWS]
        self._left_out.text = texts.first_rows(len(shown), len(rows)) if len(shown) < len(rows) else ""
        _draw(self._latency, charts.latency(shown), shown, _LATENCIES)
        _draw(self._speed, charts.speed(shown), shown, [Metric.SPEED])
        _draw(self._errors, charts.errors(shown), shown, [Metric.ERROR_RATE])
        priced = any(value_of(row, Metric.COST) is not None for row in shown)
        self._cost.box.set_visibility(priced)
        if priced and comparison.currency is not None:
            self._cost.title.text = texts.cost_chart(comparison.currency)
            _draw(self._cost, charts.cost(shown, comparison.currency), shown, [Metric.COST])


def _chart(title: str, words: str, kind: str = "") -> _Chart:
    with ui.element("div").classes(f"chart {kind}") as box:
        with ui.element("div").classes("chart-head") as head, ui.label(title).props("role=heading aria-level=2") as heading:
            ui.tooltip(words)
        heading.classes("compare-heading")
        plot = ui.echart({}, renderer="svg").classes("chart-plot").props("role=img")
    return _Chart(box, head, heading, plot)


def _draw(chart: _Chart, options: Options, rows: Sequence[Row], metrics: Sequence[Metric]) -> None:
    said = [
        (name, ", ".join(views.in_words(metric, value_of(row, metric)) for metric in metrics))
        for name, row in zip(views.names(rows), rows, strict=True)
    ]
    chart.plot.options.clear()
    chart.plot.options.update(options)
    chart.plot.props["aria-label"] = texts.in_words(", ".join(texts.METRICS[metric] for metric in metrics), said)
    chart.plot.style(f"height: {charts.height_px(len(rows))}px")
    chart.plot.update()
