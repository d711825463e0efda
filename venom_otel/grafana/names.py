"""How the names of `semconv` are called in Prometheus once they came there by OTLP.

The rule is Prometheus's default, `UnderscoreEscapingWithSuffixes` (prometheus/otlptranslator): characters that its classic names lack
become underscores, the unit is appended unless it is braced, a counter ends with `_total`, a gauge of unit 1 with `_ratio`. A test holds
every name against what a real Prometheus made of real telemetry.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from venom_otel import semconv

Part = Literal["bucket", "count", "sum"]

METRICS: Final = {**semconv.METRICS, **semconv.ROUTE_METRICS, **semconv.RUNTIME_METRICS}
ATTRIBUTES: Final = frozenset(
    {
        *semconv.METRIC_ATTRIBUTES,
        *semconv.DURATION_ATTRIBUTES,
        *semconv.ROUTE_METRIC_ATTRIBUTES,
        *semconv.RUNTIME_METRIC_ATTRIBUTES,
        semconv.GEN_AI_TOKEN_TYPE,
        semconv.SERVICE_NAME,
    }
)
"""What a series of ours may be told apart by; `service.name` where Prometheus promotes it, as deploy/prometheus.yml does."""

UNITS: Final = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "W": "watts",
    "J": "joules",
    "Cel": "celsius",
    "Hz": "hertz",
    "%": "percent",
    "1": "",
}
"""What the translator calls units; others keep their name."""
PER: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day"}


def metric(name: str, part: Part | None = None) -> str:
    """What the metric `name` of `semconv` is called; of a histogram, its `part`.

    Raises:
        KeyError: `semconv` has no such metric.
        ValueError: a histogram without a part, or a part of something else.
    """
    instrument, unit, _ = METRICS[name]
    if (instrument == "histogram") != (part is not None):
        raise ValueError(f"{name} is a {instrument}: it {'has no parts' if part else 'is asked for by part'}")
    return translated(name, unit, instrument) + (f"_{part}" if part else "")


def translated(name: str, unit: str, instrument: str) -> str:
    """What any metric is called, by the rule alone, without a part.

    Args:
        name: as it was sent.
        unit: in UCUM's form, as it was sent.
        instrument: `counter`, `gauge` or another.
    """
    words = [word for word in re.split(r"[^a-zA-Z0-9:]+", name) if word]
    main, _, per = unit.partition("/")
    more = [UNITS.get(main, "" if "{" in main else escaped(main))]
    if per and "{" not in per:
        more += ["per", PER.get(per, escaped(per))]
    words += [word for word in more if word and (word not in words or word == "per")]
    if instrument == "counter":
        words = [*(word for word in words if word != "total"), "total"]
    elif instrument == "gauge" and unit == "1":
        words = [*(word for word in words if word != "ratio"), "ratio"]
    called = "_".join(words)
    return f"_{called}" if called[:1].isdecimal() else called


def label(attribute: str) -> str:
    """What the attribute of `semconv` is called as a label.

    Raises:
        KeyError: no metric has that attribute.
    """
    if attribute not in ATTRIBUTES:
        raise KeyError(attribute)
    return escaped(attribute)


def escaped(name: str) -> str:
    """An attribute's name as a label."""
    return re.sub(r"[^a-zA-Z0-9_]+", "_", name)


PROVIDER: Final = label(semconv.LLM_PROVIDER)
MODEL: Final = label(semconv.LLM_MODEL)
ENDPOINT: Final = label(semconv.LLM_ENDPOINT)
SERVICE: Final = label(semconv.SERVICE_NAME)
ERROR: Final = label(semconv.ERROR_TYPE)
KIND: Final = label(semconv.LLM_ERROR_KIND)
RUNTIME: Final = label(semconv.LLM_RUNTIME_NAME)
STATE: Final = label(semconv.LLM_STATE)
FROM: Final = label(semconv.LLM_ROUTE_FROM)
TO: Final = label(semconv.LLM_ROUTE_TO)

REQUESTS: Final = metric(semconv.METRIC_OPERATION_DURATION, "count")
DURATION: Final = metric(semconv.METRIC_OPERATION_DURATION, "bucket")
FIRST_TOKEN: Final = metric(semconv.METRIC_TIME_TO_FIRST_CHUNK, "bucket")
STREAMS: Final = metric(semconv.METRIC_TIME_TO_FIRST_CHUNK, "count")
TOKENS: Final = metric(semconv.METRIC_TOKEN_USAGE, "sum")
FALLBACKS: Final = metric(semconv.METRIC_FALLBACKS)
UP: Final = metric(semconv.METRIC_RUNTIME_UP)
