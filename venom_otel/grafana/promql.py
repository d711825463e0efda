"""PromQL, put together from small parts; what it names comes from `names` and `foreign`.

Windows are PromQL durations or one of Grafana's own (`$__rate_interval`, `$__range`).
"""

from __future__ import annotations

import json
from typing import Final

from venom_otel.grafana import names

RATE_INTERVAL: Final = "$__rate_interval"
RANGE: Final = "$__range"
INTERVAL: Final = "$__interval"
"""From one point of a panel to the next: each event is counted in one of them."""
MEMORY: Final = "1h"
"""How long a series may have been silent and still be the same series: an outage of the road to Prometheus is shorter."""

Matcher = tuple[str, str, str]


def select(metric: str, *matchers: Matcher) -> str:
    """The series of `metric` whose labels fit: `(label, operator, value)` each."""
    inner = ",".join(f"{label}{operator}{json.dumps(value)}" for label, operator, value in matchers)
    return f"{metric}{{{inner}}}" if inner else metric


def rate(series: str, window: str = RATE_INTERVAL) -> str:
    """By how much a second a counter grows."""
    return f"rate({series}[{window}])"


def grown(series: str, window: str, memory: str = MEMORY) -> str:
    """By how much a counter has grown within `window`: exactly, with what it was born with, whether or not samples fell out.

    `increase()` sees no growth in a series whose first sample is 1, and the first failure of a model makes just such a series; it also
    guesses at the window's edges and finds nothing where only one sample is in it. So: the last value within the window less the last one
    before it, and all of it where there was none before, or a higher one, for then it began again at 0. A series that was silent for less
    than `memory` is not new. A process that restarts makes new series: OpenTelemetry's SDK gives each its `service.instance.id`.
    """
    now, before = f"last_over_time({series}[{window}])", f"last_over_time({series}[{memory}] offset {window})"
    return f"({now} - {before} >= 0 or {now})"


def total(value: str, *by: str) -> str:
    """The sum of `value`, one for each combination of the labels `by`."""
    return _aggregated("sum", value, by)


def highest(value: str, *by: str) -> str:
    """The highest of `value`, one for each combination of the labels `by`."""
    return _aggregated("max", value, by)


def quantile(q: float, buckets: str, *by: str) -> str:
    """A quantile from the growth of a histogram's buckets; nothing, rather than NaN, where nothing has grown."""
    return f"histogram_quantile({q:g}, {total(buckets, 'le', *by)}) >= 0"


def share(part: str, whole: str) -> str:
    """`part` of `whole`; 0 where there is a whole and no part."""
    return f"({part} or {whole} * 0) / ({whole} > 0)"


def legend(label: str) -> str:
    """A series' label, in a legend."""
    return f"{{{{{label}}}}}"


def _aggregated(function: str, value: str, by: tuple[str, ...]) -> str:
    return f"{function} by ({', '.join(by)}) ({value})" if by else f"{function}({value})"


WHO: Final = (names.PROVIDER, names.MODEL, names.ENDPOINT)
"""One model at one server."""
