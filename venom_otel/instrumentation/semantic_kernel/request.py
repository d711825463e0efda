"""What a request asks for beside its model, read from Semantic Kernel's execution settings into the conventions' ``gen_ai.request.*``.

One table over the field names of every connector's settings class; which of them a class has is worked out once for each class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from venom_otel import semconv

if TYPE_CHECKING:
    from collections.abc import Callable

    Value = bool | int | float | str | tuple[str, ...]
    Reading = tuple[str, str, Callable[[Any], Value | None]]


def request_attributes(settings: Any) -> dict[str, Value]:
    """The attributes of one request: only what is set, a few dictionary look-ups. An odd value is left out; never raises."""
    attributes: dict[str, Value] = {}
    if settings is None:
        return attributes
    if plan := _plans.get(type(settings)) or _plan(type(settings)):
        _read(attributes, settings.__dict__, plan)
    else:  # settings of no connector's class, which the connector converts: all it knows is extension data
        _read(attributes, getattr(settings, "extension_data", {}), _TABLE)
    return attributes


def _read(attributes: dict[str, Value], fields: dict[str, Any], plan: tuple[Reading, ...]) -> None:
    for field, attribute, convert in plan:
        value = fields.get(field)
        if value is None:
            continue
        if attribute is _NESTED:
            if isinstance(value, dict):
                _read(attributes, value, _TABLE)
        elif (converted := convert(value)) is not None:
            attributes[attribute] = converted


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _several(value: Any) -> int | None:
    """A number of choices, where it is not the usual one."""
    return value if isinstance(value, int) and value != 1 else None


def _words(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return (value,)
    return tuple(str(word) for word in value) if isinstance(value, (list, tuple)) and value else None


def _output_type(value: Any) -> str | None:
    """`json` or `text` for a response format: a name, a mapping with a ``type``, a JSON schema or the class that answers shall have."""
    name = value.get("type") if isinstance(value, dict) else value
    if isinstance(name, str) and name in {"text", "text/plain"}:
        return "text"
    return "json" if value else None


_NESTED: Final = ""
"""In place of an attribute: the field is a mapping of further fields, by the same names."""

_TABLE: Final[tuple[Reading, ...]] = (
    # Mappings come first, so that a field of its own wins over them, as it does on the wire.
    ("options", _NESTED, _whole),  # Ollama, NVIDIA
    ("extra_parameters", _NESTED, _whole),  # Azure AI Inference
    ("extra_body", _NESTED, _whole),  # OpenAI, NVIDIA: how vLLM and others get what OpenAI does not have
    ("temperature", semconv.GEN_AI_REQUEST_TEMPERATURE, _number),
    ("top_p", semconv.GEN_AI_REQUEST_TOP_P, _number),
    ("top_k", semconv.GEN_AI_REQUEST_TOP_K, _number),
    ("max_tokens", semconv.GEN_AI_REQUEST_MAX_TOKENS, _whole),
    ("max_completion_tokens", semconv.GEN_AI_REQUEST_MAX_TOKENS, _whole),
    ("max_output_tokens", semconv.GEN_AI_REQUEST_MAX_TOKENS, _whole),  # Google
    ("num_predict", semconv.GEN_AI_REQUEST_MAX_TOKENS, _whole),  # Ollama's options
    ("seed", semconv.GEN_AI_REQUEST_SEED, _whole),
    ("random_seed", semconv.GEN_AI_REQUEST_SEED, _whole),  # Mistral
    ("stop", semconv.GEN_AI_REQUEST_STOP_SEQUENCES, _words),
    ("stop_sequences", semconv.GEN_AI_REQUEST_STOP_SEQUENCES, _words),  # Anthropic, Google
    ("frequency_penalty", semconv.GEN_AI_REQUEST_FREQUENCY_PENALTY, _number),
    ("presence_penalty", semconv.GEN_AI_REQUEST_PRESENCE_PENALTY, _number),
    ("number_of_responses", semconv.GEN_AI_REQUEST_CHOICE_COUNT, _several),  # OpenAI
    ("n", semconv.GEN_AI_REQUEST_CHOICE_COUNT, _several),  # Mistral, NVIDIA
    ("candidate_count", semconv.GEN_AI_REQUEST_CHOICE_COUNT, _several),  # Google
    ("num_return_sequences", semconv.GEN_AI_REQUEST_CHOICE_COUNT, _several),  # ONNX
    ("response_format", semconv.GEN_AI_OUTPUT_TYPE, _output_type),
    ("format", semconv.GEN_AI_OUTPUT_TYPE, _output_type),  # Ollama
    ("response_mime_type", semconv.GEN_AI_OUTPUT_TYPE, _output_type),  # Google
)
"""Field, attribute, conversion; of two fields for one attribute, the later wins."""

_plans: WeakKeyDictionary[type, tuple[Reading, ...]] = WeakKeyDictionary()


def _plan(cls: type) -> tuple[Reading, ...]:
    fields = getattr(cls, "model_fields", {})
    plan = tuple(reading for reading in _TABLE if reading[0] in fields)
    _plans[cls] = plan
    return plan
