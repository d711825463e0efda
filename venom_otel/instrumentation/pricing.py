"""A cost estimate from a price table that the user supplies; none is shipped, since prices change by the week.

The file is JSON, prices per million tokens::

    {"currency": "USD", "models": {"gpt-4o-mini": {"input": 0.15, "output": 0.6}, "vllm/gemma-3": {"input": 0, "output": 0}}}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from venom_otel.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOKENS_PER_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices per million input and output tokens, by `provider/model` or by model alone."""

    currency: str
    models: Mapping[str, tuple[float, float]]

    @classmethod
    def load(cls, path: Path) -> PriceTable:
        """Read a price file.

        Raises:
            SettingsError: the file cannot be read or is not of the form above; the message says which entry.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            models = {str(name): (float(price["input"]), float(price["output"])) for name, price in data["models"].items()}
            return cls(str(data["currency"]), models)
        except OSError as error:
            raise SettingsError(f"VENOM_OTEL_PRICES={path}: cannot be read ({error.strerror}).") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SettingsError(
                f'VENOM_OTEL_PRICES={path}: expected {{"currency": "USD", "models": {{"<model>": {{"input": 0.15, "output": 0.6}}}}}} '
                f"with prices per million tokens, found a problem at {error}."
            ) from None

    def cost(self, provider: str, models: tuple[str | None, ...], input_tokens: int | None, output_tokens: int | None) -> float | None:
        """The estimate in `currency`, by the first of `models` that has a price; None without one or without token counts."""
        if input_tokens is None and output_tokens is None:
            return None
        for model in models:
            if model is None:
                continue
            price = self.models.get(f"{provider}/{model}") or self.models.get(model)
            if price is not None:
                return ((input_tokens or 0) * price[0] + (output_tokens or 0) * price[1]) / TOKENS_PER_PRICE
        return None
