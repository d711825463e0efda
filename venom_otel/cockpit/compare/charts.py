"""The rows of a comparison in pictures, as ECharts takes them: rows in, options out, no component here.

Drawn as SVG, where a colour may be the name of a variable: the charts follow the theme without being told.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from venom_otel.cockpit.compare import views
from venom_otel.cockpit.plots import LABEL, SECONDS, TOOLTIP
from venom_otel.cockpit.texts import compare as texts
from venom_otel.services.compared import Metric, value_of
from venom_otel.services.figures import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.cockpit.plots import Options
    from venom_otel.services.compared import Row

MAX_ROWS: Final = 12
"""Rows of a chart; more nobody tells apart at a glance."""
ROW_PX: Final = 30
_AXIS_PX: Final = 26
_NAMES_PX: Final = 184
_LINE_PX: Final = 13
"""Two lines of a name, in one row."""
_WIDE_PX: Final = 320
"""From this width on a chart of one number has room for the names."""
_FEW: Final = 0.45
"""Opacity of what comes from few requests."""
_LANE_PX: Final = 5
"""Of duration above, of the first token below the middle of its row."""

# JavaScript that runs in the reader's browser: a bar from the median to p95 with a dot at the median, on a wider one for the pointer.
_RANGE: Final = """(params, api) => {
  const row = api.value(0), offset = api.value(3), opacity = api.value(4);
  const [x, y] = api.coord([api.value(1), row]), [end] = api.coord([api.value(2), row]);
  const at = y + offset, width = Math.max(end - x, 1), style = {fill: 'COLOUR', opacity};
  return {type: 'group', children: [
    {type: 'rect', shape: {x: x - 6, y: at - 5, width: width + 12, height: 10}, style: {fill: 'transparent'}},
    {type: 'rect', shape: {x, y: at - 2.5, width, height: 5, r: 2.5}, style: {...style, opacity: 0.4 * opacity}},
    {type: 'circle', shape: {cx: x, cy: at, r: 4}, style},
    {type: 'rect', shape: {x: end - 1, y: at - 4, width: 2, height: 8}, style},
  ]};
}"""
# Which row, and its two values. An element with text: what a model is called is nothing that may be read as HTML.
_SAID: Final = f"""point => {{
  const box = document.createElement('div'), words = {SECONDS}, [, p50, p95] = point.value;
  box.style.whiteSpace = 'pre';
  box.textContent = `${{point.name}}\n${{point.seriesName}}: {texts.P50} ${{words(p50)}}, {texts.P95} ${{words(p95)}}`;
  return box;
}}"""
_PER_CENT: Final = "v => +v.toPrecision(2) + ' %'"
_NUMBER: Final = "v => v >= 1000 ? +(v / 1000).toPrecision(3) + ' k' : +v.toPrecision(3)"


def height_px(rows: int) -> int:
    """Of a chart of so many rows."""
    return rows * ROW_PX + _AXIS_PX


def latency(rows: Sequence[Row]) -> Options:
    """For each row, how long answers and first tokens took: from the median to what one in twenty exceeds."""
    series = []
    ends: list[float] = []
    for name, colour, lane, low, high in (
        (texts.DURATION, "var(--accent)", -_LANE_PX, Metric.DURATION_P50, Metric.DURATION_P95),
        (texts.FIRST, "var(--first)", _LANE_PX, Metric.FIRST_P50, Metric.FIRST_P95),
    ):
        data: list[list[float]] = []
        for place, row in enumerate(rows):
            p50, p95 = value_of(row, low), value_of(row, high)
            if p50 is not None and p95 is not None:
                ends += (p50 / SECOND, p95 / SECOND)
                data.append([place, p50 / SECOND, p95 / SECOND, lane, _FEW if row.few else 1])
        series.append(
            {
                "name": name,
                "type": "custom",
                ":renderItem": _RANGE.replace("COLOUR", colour),
                "color": colour,
                "dimensions": ["row", texts.P50, texts.P95, "lane", "opacity"],
                "encode": {"x": [1, 2], "y": 0},
                "data": data,
            }
        )
    axis = {
        "type": "log",
        "min": 10 ** math.floor(math.log10(min(ends))) if ends else 0.01,
        "max": 10 ** math.ceil(math.log10(max(ends)) + 0.01) if ends else 10,
        "axisLabel": LABEL | {":formatter": SECONDS},
    }
    tooltip = {"trigger": "item", ":formatter": _SAID}
    return _chart(rows, series, axis, tooltip, names=True)


def speed(rows: Sequence[Row]) -> Options:
    """For each row, how many tokens a second it writes."""
    return _bars(rows, texts.SPEED, "var(--done)", [value_of(row, Metric.SPEED) for row in rows], _NUMBER)


def errors(rows: Sequence[Row]) -> Options:
    """For each row, which share of its requests failed, in per cent."""
    return _bars(rows, texts.ERRORS, "var(--bad)", [100 * row.error_rate for row in rows], _PER_CENT)


def cost(rows: Sequence[Row], currency: str) -> Options:
    """For each row, what a thousand completed requests cost."""
    values = [None if value is None else views.ANSWERS * value for value in (value_of(row, Metric.COST) for row in rows)]
    return _bars(rows, texts.cost_chart(currency), "var(--bar)", values, _NUMBER)


def _bars(rows: Sequence[Row], name: str, colour: str, values: Sequence[float | None], words: str) -> Options:
    series = {
        "name": name,
        "type": "bar",
        "color": colour,
        "barWidth": 10,
        "data": [
            {"value": [value, place], "itemStyle": {"opacity": _FEW if row.few else 1, "borderRadius": 2}}
            for place, (row, value) in enumerate(zip(rows, values, strict=True))
            if value is not None
        ],
        "label": LABEL | {"show": True, "position": "right", "color": "var(--text)", ":formatter": f"p => ({words})(p.value[0])"},
        "emphasis": {"disabled": True},
    }
    largest = max((value for value in values if value is not None), default=0)
    axis = {"type": "value", "min": 0, "max": (largest or 1) * 1.35, "axisLabel": {"show": False}, "splitLine": {"show": False}}
    return _chart(rows, [series], axis, {"show": False}, names=False)


def _chart(rows: Sequence[Row], series: list[Options], axis: Options, tooltip: Options, *, names: bool) -> Options:
    words = [texts.few_requests(name, row.requests) if row.few else name for name, row in zip(views.names(rows), rows, strict=True)]
    named = {"left": _NAMES_PX, "right": 12, "top": 2, "bottom": _AXIS_PX - 2}
    bare = named | {"left": 2, "right": 4}
    options: Options = {
        "animation": False,
        "textStyle": {"fontFamily": "inherit"},
        "grid": named if names else bare,
        "tooltip": TOOLTIP | tooltip,
        "xAxis": {"axisLine": {"show": False}, "axisTick": {"show": False}, "splitLine": {"lineStyle": {"color": "var(--line)"}}} | axis,
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": words,
            "axisLine": {"lineStyle": {"color": "var(--edge)"}},
            "axisTick": {"show": False},
            "axisLabel": LABEL | {"show": names, "color": "var(--text)", "interval": 0, "lineHeight": _LINE_PX},
        },
        "series": series,
    }
    if not names:
        wide = {"query": {"minWidth": _WIDE_PX}, "option": {"grid": named, "yAxis": {"axisLabel": {"show": True}}}}
        narrow = {"option": {"grid": bare, "yAxis": {"axisLabel": {"show": False}}}}
        options["media"] = [wide, narrow]
    return options
