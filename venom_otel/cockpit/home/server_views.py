"""What the page shows of a model server, as plain texts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from venom_otel.cockpit import formats, texts
from venom_otel.services.figures import SECOND

if TYPE_CHECKING:
    from venom_otel.runtimes.model import Reading

_STEPS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))
MODELS: Final = 3
"""That are named; the others are counted."""


def for_how_long(since_ns: int) -> str:
    """How long something has lasted, in one figure: `12 min`, `3 h`, `2 d`."""
    seconds = max(0, time.time_ns() - since_ns) // SECOND
    return next((f"{seconds // length} {unit}" for length, unit in _STEPS if seconds >= length), f"{seconds} s")


def facts(reading: Reading) -> str:
    """What it has in memory and what it works on: `gemma-3-4b-it · 6 running · 2 waiting`; only what it tells."""
    loaded = [model.name for model in reading.models_loaded]
    known = [model for model in reading.models if model.loaded is not None]
    parts = []
    if loaded:
        parts.append(texts.models(loaded[:MODELS], len(loaded) - MODELS))
    elif known:
        parts.append(texts.NOTHING_LOADED)
    elif reading.models:
        parts.append(texts.model_count(len(reading.models)))
    if reading.requests_running:
        parts.append(texts.running(reading.requests_running))
    if reading.requests_waiting:
        parts.append(texts.waiting(reading.requests_waiting))
    return " · ".join(parts)


def size(size_bytes: int | None) -> str:
    """Bytes as disks are sold: `3.3 GB`; empty where nobody knows."""
    if size_bytes is None:
        return ""
    for unit, length in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= length:
            return f"{formats.figures(size_bytes / length)} {unit}"
    return f"{size_bytes} B"
