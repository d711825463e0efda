"""Reading what servers say of themselves: a value of the wrong kind is none, whoever answers there."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from venom_otel.runtimes.asking import Heard

MAX_MODELS: Final = 5000
_LONGEST: Final = 512
_LARGEST: Final = 2**63 - 1


def text(value: object) -> str | None:
    """A name or version; None for what is empty, or cannot be shown."""
    return value[:_LONGEST] if isinstance(value, str) and value and value.isprintable() else None


def count(value: object) -> int | None:
    """A number of things; None for what is none, or negative."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST else None


def mapping(value: object) -> dict[str, Any]:
    """An object of JSON; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(heard: Heard, key: str) -> list[dict[str, Any]] | None:
    """The objects in the list `key` of a reply; None where its body has no such list."""
    found = mapping(heard.json()).get(key)
    if not isinstance(found, list):
        return None
    return [item for item in found[:MAX_MODELS] if isinstance(item, dict)]


def measured(heard: Heard, name: str) -> list[float]:
    """The values of a metric in Prometheus's text format, one for each set of labels; none where the reply has no such metric.

    https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
    """
    if heard.status != 200:  # noqa: PLR2004
        return []
    values = (_number(found) for found in re.findall(rb"(?m)^%b(?:\{.*\})?[ \t]+(\S+)" % re.escape(name.encode()), heard.body))
    return [value for value in values if value is not None]


def total(heard: Heard, name: str) -> int | None:
    """The sum of a metric's values, as a number of things; None where there are none."""
    values = measured(heard, name)
    return count(float(round(sum(values)))) if values else None


def shortened(parameters: int | None) -> str | None:
    """A number of parameters as Ollama writes it: `4.3B`, `459K`."""
    if not parameters:
        return None
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if parameters >= size * 0.9995:  # what is rounded up to it
            return f"{parameters / size:.3g}{unit}"
    return str(parameters)


def _number(value: bytes) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
