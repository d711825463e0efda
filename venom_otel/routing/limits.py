"""The limits and wishes of a request, carried from one service's settings to another's: `max_tokens` is `num_predict` to Ollama.

One table over the field names of Semantic Kernel 1.45's settings classes. What the other class has by the same name keeps it; what the
other service does not have, or does not take with that value, is left out and told in one debug record.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from semantic_kernel.exceptions import KernelException

from venom_otel.routing import formats

if TYPE_CHECKING:
    from collections.abc import Mapping

logger: Final = logging.getLogger("venom_otel.routing")

OPTIONS: Final = "options"
"""Ollama's settings have one mapping for nearly everything."""

_SYNONYMS: Final = (
    ("num_predict", "max_tokens", "max_completion_tokens", "max_output_tokens"),
    ("seed", "random_seed"),
    ("stop", "stop_sequences"),
    ("number_of_responses", "n", "candidate_count", "num_return_sequences"),
)
"""Names of one thing. Which of them a class has is the one it is given by; where it has several, the first."""

_OPTIONS: Final = frozenset(
    {"num_predict", "temperature", "top_p", "top_k", "seed", "stop", "frequency_penalty", "presence_penalty", "repeat_penalty"}
)
"""What Ollama takes in its options, of what others have too: https://github.com/ollama/ollama/blob/main/docs/modelfile.mdx."""

_NOT_CARRIED: Final = frozenset(
    {
        "service_id",
        "extension_data",
        "function_choice_behavior",
        "ai_model_id",  # a model of that service
        "messages",
        "system",
        "stream",
        "stream_options",
        "tools",
        "tool_choice",
        "tool_config",
        "functions",
        "function_call",
        "structured_json_response",
    }
)
"""What the services set by themselves, for each request anew."""


def carry(settings: Any, made: Any, *, to: str, prefer: str | None = None) -> None:
    """Fill `made`, settings of a service's own class, with what `settings` of another class ask for.

    Args:
        settings: of whichever class; those of none hold everything as extension data.
        made: new settings, of the class of the service that will be asked.
        to: that service's name, for the debug record.
        prefer: which of two names for one thing the service takes, where its class has both.
    """
    fields = type(made).model_fields
    in_options = OPTIONS in fields and "temperature" not in fields
    asked = _asked(settings)
    wanted = formats.take(asked)
    options = dict(asked.pop(OPTIONS, {}))
    if not in_options:
        asked, options = {**options, **asked}, {}
    left: list[str] = []
    for name, value in asked.items():
        names = _names(name, prefer)
        target = next((each for each in names if each in fields), None)
        option = next((each for each in names if each in _OPTIONS), None)
        if target is not None:
            if not _set(made, target, value):
                left.append(name)
        elif in_options and option is not None:
            options.setdefault(option, value)
        else:
            left.append(name)
    if options and not _set(made, OPTIONS, options):
        left.append(OPTIONS)
    if wanted is not None and not any(_set_all(made, form) for form in wanted.forms(fields)):
        left.append("response_format")
    if left:
        logger.debug("%s does not take %s of this request's settings; left out.", to, ", ".join(sorted(left)))


def _asked(settings: Any) -> dict[str, Any]:
    """What is set, by name; a field of its own wins over extension data."""
    found = {**settings.extension_data, **{name: getattr(settings, name) for name in settings.model_fields_set}}
    return {name: value for name, value in found.items() if value is not None and name not in _NOT_CARRIED}


def _names(name: str, prefer: str | None) -> tuple[str, ...]:
    """The names under which a class may have it, the best first."""
    synonyms = next((group for group in _SYNONYMS if name in group), (name,))
    return (prefer, *synonyms) if prefer is not None and prefer in synonyms else (name, *synonyms)


def _set(made: Any, name: str, value: Any) -> bool:
    """Whether the class took the value, or else one like it: a list of one for a word, the one word of a list."""
    forms = [value]
    if isinstance(value, str):
        forms.append([value])
    elif isinstance(value, list) and len(value) == 1:
        forms.append(value[0])
    return any(_set_all(made, {name: form}) for form in forms)


def _set_all(made: Any, values: Mapping[str, Any]) -> bool:
    """Whether the class took these values: pydantic checks each, and Semantic Kernel's own checks raise their own errors."""
    try:
        for name, value in values.items():
            setattr(made, name, value)
    except (ValueError, KernelException):
        return False
    return True
