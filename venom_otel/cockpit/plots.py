"""What all charts of the page have in common, as ECharts takes it: colours are the theme's variables, for which they are drawn as SVG."""

from __future__ import annotations

from typing import Any, Final

Options = dict[str, Any]

LABEL: Final[Options] = {"color": "var(--muted)", "fontSize": 11, "fontFamily": "inherit"}
"""Of an axis."""

TOOLTIP: Final[Options] = {
    "backgroundColor": "var(--surface)",
    "borderColor": "var(--edge)",
    "borderWidth": 1,
    "padding": [6, 10],
    "textStyle": {"color": "var(--text)", "fontSize": 12, "fontFamily": "inherit"},
    "extraCssText": "border-radius: var(--radius); box-shadow: 0 8px 24px var(--shadow)",
    "confine": True,
    "transitionDuration": 0,
}

SECONDS: Final = (
    "v => v == null ? '\u2013' : v >= 120 ? +(v / 60).toPrecision(3) + ' m' "
    ": v >= 1 ? +v.toPrecision(3) + ' s' : +(v * 1000).toPrecision(3) + ' ms'"
)
"""JavaScript that writes seconds as a person reads them."""
