"""The two charts above the list, as ECharts takes them: figures in, options out, no component here.

Drawn as SVG, where a colour may be the name of a variable: the charts follow the theme without being told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel.cockpit import texts
from venom_otel.cockpit.plots import LABEL, SECONDS, TOOLTIP
from venom_otel.services.figures import DAY, HOUR, MINUTE, SECOND
from venom_otel.store.protocol import RequestStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from venom_otel.cockpit.plots import Options
    from venom_otel.services.figures import Figures, Window
    from venom_otel.store.distribution import Distribution

STACK: Final = (RequestStatus.FAILED, RequestStatus.CANCELLED, RequestStatus.COMPLETED)
"""From the ground up: failures stand on one line, where they can be compared."""

_COLOURS: Final = {RequestStatus.COMPLETED: "var(--done)", RequestStatus.FAILED: "var(--bad)", RequestStatus.CANCELLED: "var(--warn)"}
_MEDIAN: Final = 0.5
_TAIL: Final = 0.95
_STILL: Final[Options] = {"emphasis": {"disabled": True}, "animation": False}
_MILLISECOND: Final = SECOND // 1_000
_MOST_LABELS: Final = 8
_TICKS: Final = (MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, DAY, 5 * DAY, 28 * DAY)

# JavaScript that runs in the reader's browser, for only that knows the reader's time zone. `v` is a step's begin in milliseconds.
_LOCAL: Final = "(v => v - new Date(v).getTimezoneOffset() * 60000)"
_CLOCK: Final = "new Date(+v).toLocaleTimeString(undefined, {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'})"
_DAY: Final = "new Date(+v).toLocaleDateString(undefined, {month: 'short', day: 'numeric'})"
_COUNT: Final = "v => v >= 1000 ? +(v / 1000).toPrecision(3) + ' k' : v"


def requests_chart(window: Window, steps: Mapping[int, Figures]) -> Options:
    """How many requests began in each step, by how they ended."""
    starts = window.starts()
    series = [
        {
            "name": texts.STATUS[status],
            "type": "bar",
            "stack": "requests",
            "color": _COLOURS[status],
            "barCategoryGap": "20%",
            "barMaxWidth": 24,
            # A few failures among thousands are still to be seen.
            "barMinHeight": 2,
            "data": [steps[start].counts[status] or None if start in steps else None for start in starts],
            **_STILL,
        }
        for status in STACK
    ]
    return _chart(window, starts, series, {"minInterval": 1, "axisLabel": LABEL | {":formatter": _COUNT}})


def latency_chart(window: Window, steps: Mapping[int, Figures]) -> Options:
    """How long requests took and how long streams took to begin: the median, and what one in twenty exceeds."""
    starts = window.starts()

    def line(name: str, colour: str, q: float, of: Mapping[int, Distribution]) -> Options:
        return {
            "name": name,
            "type": "line",
            "color": f"var(--{colour})",
            "symbol": "none",
            "showAllSymbol": True,
            "lineStyle": {"width": 2 if q == _MEDIAN else 1, "type": "solid" if q == _MEDIAN else "dashed"},
            "data": _points([_seconds(of[start].quantile(q)) if start in of else None for start in starts]),
            **_STILL,
        }

    durations = {start: figures.duration for start, figures in steps.items()}
    firsts = {start: figures.first_chunk for start, figures in steps.items()}
    series = [
        line(texts.DURATION_P95, "accent", _TAIL, durations),
        line(texts.DURATION_P50, "accent", _MEDIAN, durations),
        line(texts.FIRST_P95, "first", _TAIL, firsts),
        line(texts.FIRST_P50, "first", _MEDIAN, firsts),
    ]
    # Logarithmic: a first token and the slowest answer lie far apart, and each is to be read.
    return _chart(window, starts, series, {"type": "log", "axisLabel": LABEL | {":formatter": SECONDS}}, value=SECONDS)


def _points(values: list[float | None]) -> list[float | Options | None]:
    """A line through what is known; a value that stands alone has no line, and is drawn as a dot."""
    around = [None, *values, None]
    alone = [before is None and after is None for before, after in zip(around, around[2:], strict=False)]
    return [
        {"value": value, "symbol": "circle", "symbolSize": 4} if value is not None and single else value
        for value, single in zip(values, alone, strict=True)
    ]


def _chart(window: Window, starts: Sequence[int], series: list[Options], axis: Options, *, value: str = "v => v ?? 0") -> Options:
    step = window.step_ns or window.length_ns
    tick = next((width for width in _TICKS if width >= step and window.length_ns <= _MOST_LABELS * width), _TICKS[-1])
    ends = f"{_LOCAL}(+v)"
    label = _DAY if tick >= DAY else _CLOCK
    return {
        "animation": False,
        "grid": {"left": 48, "right": 6, "top": 8, "bottom": 22},
        "textStyle": {"fontFamily": "inherit"},
        "tooltip": TOOLTIP
        | {
            "trigger": "axis",
            "axisPointer": {"type": "shadow" if series[0]["type"] == "bar" else "line"},
            ":valueFormatter": value,
        },
        "xAxis": {
            "type": "category",
            "data": [str(start // _MILLISECOND) for start in starts],
            "axisLine": {"lineStyle": {"color": "var(--edge)"}},
            "axisTick": {"show": False},
            "axisLabel": LABEL
            | {
                # The first step of each tick has a label, wherever midnight lies for the reader.
                ":interval": f"(i, v) => Math.floor({ends} / {tick // _MILLISECOND}) !== "
                f"Math.floor(({ends} - {step // _MILLISECOND}) / {tick // _MILLISECOND})",
                ":formatter": f"v => {label}",
                "hideOverlap": True,
            },
            "axisPointer": {"label": {":formatter": f"p => {{ const v = p.value; return {_DAY} + ', ' + {_CLOCK}; }}"}},
        },
        "yAxis": {"type": "value", "splitNumber": 2, "splitLine": {"lineStyle": {"color": "var(--line)"}}, "axisLabel": LABEL} | axis,
        "series": series,
    }


def _seconds(ns: float | None) -> float | None:
    return None if ns is None else round(ns / SECOND, 6)
