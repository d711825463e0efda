"""The points of one series out of Prometheus, as the embedded store has those that it received."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from venom_otel import semconv
from venom_otel.grafana import names, promql
from venom_otel.store.embedded.matching import as_text
from venom_otel.store.protocol import MetricKind, MetricPoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from venom_otel.grafana.promql import Matcher
    from venom_otel.store.protocol import MetricSeries

_MS: Final = 1_000_000
_PARTS: Final[Mapping[MetricKind, Sequence[str]]] = {
    MetricKind.HISTOGRAM: ("_bucket", "_sum", "_count"),
    MetricKind.SUMMARY: ("", "_sum", "_count"),
}
"""What a metric of a kind has become several metrics of; the others are one."""
_LABELS: Final = frozenset({"job", "instance", "le", "quantile", names.SERVICE})
"""That are no attributes."""

Samples = dict[int, Any]
"""By the time in milliseconds since the epoch."""


def selectors(series: MetricSeries) -> Sequence[str]:
    """PromQL for what the series has become, in the order that `points` wants the answers in."""
    instrument = "counter" if series.kind is MetricKind.SUM and series.monotonic else str(series.kind)
    name = names.translated(series.name, series.unit, instrument)
    said = {names.escaped(name): value for name, value in series.attributes.items()}
    if series.service:
        said[names.SERVICE] = series.service
    if (instance := series.resource.get(semconv.SERVICE_INSTANCE_ID)) is not None:
        said["instance"] = instance
    matchers: list[Matcher] = [(label, "=", as_text(value)) for label, value in sorted(said.items())]
    return [promql.select(name + part, *matchers) for part in _PARTS.get(series.kind, ("",))]


def points(series: MetricSeries, replies: Sequence[Mapping[str, Any]]) -> list[MetricPoint]:
    """The points that replies to range selectors hold, by time; those of a histogram that lack a part are left out.

    Raises:
        KeyError, TypeError, ValueError: a reply has another form.
    """
    own = [_own(series, reply["data"]["result"]) for reply in replies]
    if series.kind is MetricKind.EXPONENTIAL_HISTOGRAM:
        found: Samples = {}
        for one in own[0]:
            found |= {_ms(at): _native(_ms(at), said) for at, said in one.get("histograms", ())}
        return [found[at] for at in sorted(found)]
    if series.kind not in _PARTS:
        values = _values(own[0])
        return [_point(at, value=values[at]) for at in sorted(values)]
    parted, sums, counts = own[0], _values(own[1]), _values(own[2])
    told: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    label = "le" if series.kind is MetricKind.HISTOGRAM else "quantile"
    for one in parted:
        for at, value in one.get("values", ()):
            told[_ms(at)].append((float(one["metric"][label]), float(value)))
    whole = sorted(counts.keys() & sums.keys())
    if series.kind is MetricKind.SUMMARY:
        return [_point(at, count=round(counts[at]), sum=sums[at], quantiles=sorted(told[at])) for at in whole]
    return [_point(at, count=round(counts[at]), sum=sums[at], buckets=_apart(told[at])) for at in whole if at in told]


def _own(series: MetricSeries, result: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The series that have no attribute besides: a selector finds those with more labels, too."""
    known = {names.escaped(name) for name in (*series.attributes, *series.resource)}
    return [one for one in result if not any(_is_attribute(label) and label not in known for label in one["metric"])]


def _is_attribute(label: str) -> bool:
    return label not in _LABELS and not label.startswith(("__", "otel_scope_"))


def _values(result: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    return {_ms(at): float(value) for one in result for at, value in one.get("values", ())}


def _apart(cumulated: list[tuple[float, float]]) -> Sequence[tuple[float, int]]:
    """Counts of each bucket alone."""
    found, below = [], 0
    for bound, count in sorted(cumulated):
        found.append((bound, max(round(count) - below, 0)))
        below = max(round(count), below)
    return found


def _native(at: int, said: Mapping[str, Any]) -> MetricPoint:
    buckets = sorted((float(upper), round(float(count))) for _, _, upper, count in said.get("buckets", ()))
    return _point(at, count=round(float(said["count"])), sum=float(said["sum"]), buckets=buckets)


def _point(
    at: int,
    *,
    value: float | None = None,
    count: int | None = None,
    sum: float | None = None,  # noqa: A002 - as the point calls it
    buckets: Sequence[tuple[float, int]] = (),
    quantiles: Sequence[tuple[float, float]] = (),
) -> MetricPoint:
    return MetricPoint(
        time_ns=at * _MS, start_ns=None, value=value, count=count, sum=sum, min=None, max=None, buckets=buckets, quantiles=quantiles
    )


def _ms(at: float) -> int:
    return round(at * 1_000)
