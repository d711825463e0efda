"""When a server wants to be asked again, by its reply's `Retry-After`: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from venom_otel.instrumentation.failures import true_cause


def seconds(error: BaseException, now: datetime | None = None) -> float | None:
    """Seconds from now; None where the error carries no reply, or the reply says nothing of it."""
    headers = getattr(getattr(true_cause(error), "response", None), "headers", None)
    if not isinstance(headers, Mapping):  # an error of any kind may come with anything by that name
        return None
    milliseconds = _number(headers.get("retry-after-ms"))  # OpenAI's own, more exact
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    number = _number(text)
    if number is not None or not isinstance(text, str):
        return number
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds())


def _number(text: Any) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
