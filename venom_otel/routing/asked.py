"""What one call asks for beside its settings' own fields: the functions that the model may call, and who answered so far.

Semantic Kernel makes its own copy of a caller's settings for each call and hands it to every round trip. This rides on that copy, as
extension data, which no service sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings

KEY: Final = "venom_otel.routing"


@dataclass(slots=True)
class Asked:
    """Of one call. Each service writes functions in its own way, so they are kept as Semantic Kernel describes them."""

    functions: tuple[Any, Any] | None = None
    """Semantic Kernel's configuration of the functions, and how the model may choose among them."""
    last_model: str | None = None
    """The model that answered last."""


def of(settings: PromptExecutionSettings) -> Asked:
    """What rides on these settings."""
    found = settings.extension_data.get(KEY)
    if not isinstance(found, Asked):
        found = settings.extension_data[KEY] = Asked()
    return found
