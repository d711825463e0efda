"""The runtimes' own metrics, as Prometheus scrapes them from vLLM's and llama.cpp's `/metrics`.

Ollama has none. A test holds this table against what real servers answered: vLLM 0.32.0 and llama-server (tests/recordings/runtimes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Foreign:
    """One metric of a runtime: its name as scraped, its type, and the labels that are there besides Prometheus's own."""

    name: str
    kind: str
    labels: tuple[str, ...] = ()

    @property
    def bucket(self) -> str:
        """The buckets of a histogram."""
        assert self.kind == "histogram"
        return f"{self.name}_bucket"


INSTANCE: Final = "instance"
"""Prometheus's own label of what it scraped."""
VLLM_MODEL: Final = "model_name"
_OF_MODEL: Final = ("engine", VLLM_MODEL)

VLLM_RUNNING: Final = Foreign("vllm:num_requests_running", "gauge", _OF_MODEL)
VLLM_WAITING: Final = Foreign("vllm:num_requests_waiting", "gauge", _OF_MODEL)
VLLM_CACHE_USAGE: Final = Foreign("vllm:kv_cache_usage_perc", "gauge", _OF_MODEL)
VLLM_PROMPT_TOKENS: Final = Foreign("vllm:prompt_tokens_total", "counter", _OF_MODEL)
VLLM_GENERATION_TOKENS: Final = Foreign("vllm:generation_tokens_total", "counter", _OF_MODEL)
VLLM_PREEMPTIONS: Final = Foreign("vllm:num_preemptions_total", "counter", _OF_MODEL)
VLLM_FIRST_TOKEN: Final = Foreign("vllm:time_to_first_token_seconds", "histogram", _OF_MODEL)
VLLM_QUEUE_TIME: Final = Foreign("vllm:request_queue_time_seconds", "histogram", _OF_MODEL)

LLAMACPP_PROCESSING: Final = Foreign("llamacpp:requests_processing", "gauge")
LLAMACPP_DEFERRED: Final = Foreign("llamacpp:requests_deferred", "gauge")
LLAMACPP_PROMPT_TOKENS: Final = Foreign("llamacpp:prompt_tokens_total", "counter")
LLAMACPP_GENERATED_TOKENS: Final = Foreign("llamacpp:tokens_predicted_total", "counter")
LLAMACPP_BUSY_SLOTS: Final = Foreign("llamacpp:n_busy_slots_per_decode", "gauge")

VLLM: Final = (
    VLLM_RUNNING,
    VLLM_WAITING,
    VLLM_CACHE_USAGE,
    VLLM_PROMPT_TOKENS,
    VLLM_GENERATION_TOKENS,
    VLLM_PREEMPTIONS,
    VLLM_FIRST_TOKEN,
    VLLM_QUEUE_TIME,
)
LLAMACPP: Final = (LLAMACPP_PROCESSING, LLAMACPP_DEFERRED, LLAMACPP_PROMPT_TOKENS, LLAMACPP_GENERATED_TOKENS, LLAMACPP_BUSY_SLOTS)
