"""Which adapters there are: ours, and those that other packages bring."""

from __future__ import annotations

import functools
import logging
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from venom_otel.runtimes.protocol import ENTRY_POINTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venom_otel.runtimes.protocol import Adapter

logger: Final = logging.getLogger("venom_otel")


@functools.lru_cache(maxsize=1)
def adapters() -> Mapping[str, Adapter]:
    """Every adapter, by provider. One that cannot be loaded, or is not whole, is left out, and logged; ours cannot be replaced."""
    found: dict[str, Adapter] = {}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            found[point.name] = _whole(point.load()())
        except Exception:
            logger.warning(
                "the adapter %s (%s) cannot be loaded; its runtimes are read as any OpenAI-compatible server", point.name, point.value
            )
            logger.debug("why", exc_info=True)
    return MappingProxyType(found | _own())


def adapter(provider: str) -> Adapter:
    """The one that reads servers of a provider; for a provider without one, what reads any OpenAI-compatible server."""
    from venom_otel.runtimes.compatible import CompatibleAdapter

    return adapters().get(provider) or CompatibleAdapter(provider)


def _whole(made: Adapter) -> Adapter:
    """The same; what it lacks is found here, once, and not when somebody needs it.

    Raises:
        Exception: whatever an adapter that is none raises.
    """
    if not (made.provider and made.label and callable(made.read) and isinstance(made.abilities, frozenset) and made.least_interval_s >= 0):
        raise ValueError("what it says of itself is of no use")
    return made


def _own() -> dict[str, Adapter]:
    from venom_otel.runtimes.llamacpp import LlamaCppAdapter
    from venom_otel.runtimes.ollama import OllamaAdapter
    from venom_otel.runtimes.openai import OpenAiAdapter
    from venom_otel.runtimes.vllm import VllmAdapter

    return {each.provider: each for each in (OllamaAdapter(), VllmAdapter(), LlamaCppAdapter(), OpenAiAdapter())}
