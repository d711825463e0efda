"""OpenAI, and any other service of its kind, by `GET /v1/models`: https://platform.openai.com/docs/api-reference/models/list."""

from __future__ import annotations

from typing import Final

from venom_otel.runtimes.compatible import CompatibleAdapter
from venom_otel.runtimes.names import OPENAI

ONCE_A_MINUTE_S: Final = 60.0
"""Somebody else's service counts requests, and a look at it is one."""


class OpenAiAdapter(CompatibleAdapter):
    """As any other server of the dialect, and rarely: it costs the user's quota."""

    least_interval_s = ONCE_A_MINUTE_S

    def __init__(self) -> None:
        super().__init__(OPENAI)
