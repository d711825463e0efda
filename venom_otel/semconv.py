"""Every name this package puts into telemetry, spelled once.

Attribute, metric and event names follow the OpenTelemetry GenAI semantic conventions 1.41.1, the last release of the core repository
that defines ``gen_ai.*`` (all of it "Development"); ``error.type``, ``server.*``, ``exception.*`` and ``http.*`` are the stable set.
``llm.provider``, ``llm.model``, ``llm.endpoint`` and the other ``llm.*`` names are this project's own; ``llm.provider`` and
``llm.model_name`` mean what OpenInference means by them. A test holds that no other module spells one of these names.
"""

from __future__ import annotations

from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.1"
SCOPE: Final = "venom_otel"

# -- who answered (ours) ---------------------------------------------------------------------------------------------------------
LLM_PROVIDER: Final = "llm.provider"
LLM_MODEL: Final = "llm.model"
LLM_MODEL_NAME: Final = "llm.model_name"
LLM_ENDPOINT: Final = "llm.endpoint"
LLM_SERVER: Final = "llm.server"
LLM_SERVICE_ID: Final = "llm.service_id"
LLM_GATEWAY: Final = "llm.gateway"
LLM_IDENTITY_SOURCE: Final = "llm.identity.source"
LLM_TASK_ID: Final = "llm.task.id"

# -- how it went (ours) ----------------------------------------------------------------------------------------------------------
LLM_OUTCOME: Final = "llm.outcome"
LLM_ERROR_KIND: Final = "llm.error.kind"
LLM_COLD_START: Final = "llm.cold_start"
LLM_TIMING_LOAD: Final = "llm.timing.load"
LLM_TIMING_PROMPT: Final = "llm.timing.prompt"
LLM_TIMING_GENERATION: Final = "llm.timing.generation"
LLM_TIMING_QUEUE: Final = "llm.timing.queue"
VLLM_TIME_IN_QUEUE: Final = "gen_ai.latency.time_in_queue"
"""vLLM's own, like the next two: seconds, of the spans that it sends itself (`--otlp-traces-endpoint`; `vllm/tracing/utils.py`, 0.32)."""
VLLM_TIME_IN_PREFILL: Final = "gen_ai.latency.time_in_model_prefill"
VLLM_TIME_IN_DECODE: Final = "gen_ai.latency.time_in_model_decode"
LLM_COST: Final = "llm.cost"
LLM_COST_CURRENCY: Final = "llm.cost.currency"

# -- a call that is routed to one of several services (ours) --------------------------------------------------------------------------
LLM_ROUTE_ATTEMPTS: Final = "llm.route.attempts"
LLM_ROUTE_CHOSEN: Final = "llm.route.chosen"
LLM_ROUTE_FALLBACK: Final = "llm.route.fallback"
LLM_ROUTE_GAVE_WAY: Final = "llm.route.gave_way"
LLM_ROUTE_REASON: Final = "llm.route.reason"
LLM_ROUTE_ATTEMPT: Final = "llm.route.attempt"
LLM_ROUTE_FROM: Final = "llm.route.from"
LLM_ROUTE_TO: Final = "llm.route.to"

# -- the model servers' health and the active model (ours) -------------------------------------------------------------------------
LLM_RUNTIME_NAME: Final = "llm.runtime.name"
LLM_STATE: Final = "llm.state"
LLM_REASON: Final = "llm.reason"
LLM_FRIENDLY_NAME: Final = "llm.friendly_name"
LLM_SOURCE: Final = "llm.source"

# -- alerts (ours) ---------------------------------------------------------------------------------------------------------------
ALERT_PROVIDER_ERROR: Final = "llm_provider_error"
ALERT_SERVER_OFFLINE: Final = "llm_server_offline"
ALERT_FALLBACK: Final = "llm_fallback"

# -- GenAI conventions -----------------------------------------------------------------------------------------------------------
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_REQUEST_STREAM: Final = "gen_ai.request.stream"
GEN_AI_REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
GEN_AI_REQUEST_TOP_P: Final = "gen_ai.request.top_p"
GEN_AI_REQUEST_TOP_K: Final = "gen_ai.request.top_k"
GEN_AI_REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
GEN_AI_REQUEST_SEED: Final = "gen_ai.request.seed"
GEN_AI_REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
GEN_AI_REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
GEN_AI_REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
GEN_AI_REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
GEN_AI_OUTPUT_TYPE: Final = "gen_ai.output.type"
GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
GEN_AI_INPUT_MESSAGES: Final = "gen_ai.input.messages"
GEN_AI_OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
GEN_AI_SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
GEN_AI_TOKEN_TYPE: Final = "gen_ai.token.type"

# -- stable conventions ----------------------------------------------------------------------------------------------------------
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
URL_FULL: Final = "url.full"
HTTP_URL: Final = "http.url"
"""The older name of `url.full`, which OpenTelemetry's httpx instrumentation uses unless `OTEL_SEMCONV_STABILITY_OPT_IN` says `http`."""
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
SERVICE_NAME: Final = "service.name"
SERVICE_INSTANCE_ID: Final = "service.instance.id"

# -- metrics ---------------------------------------------------------------------------------------------------------------------
METRIC_OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
METRIC_TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
METRIC_TIME_PER_OUTPUT_CHUNK: Final = "gen_ai.client.operation.time_per_output_chunk"
METRIC_TOKEN_USAGE: Final = "gen_ai.client.token.usage"

METRIC_FALLBACKS: Final = "llm.fallbacks"

METRIC_RUNTIME_UP: Final = "llm.runtime.up"
METRIC_RUNTIME_STATE: Final = "llm.runtime.state"
METRIC_PROBE_DURATION: Final = "llm.runtime.probe.duration"
METRIC_PROBE_FAILURES: Final = "llm.runtime.probe.failures"
METRIC_MODELS_LOADED: Final = "llm.runtime.models.loaded"
METRIC_REQUESTS_RUNNING: Final = "llm.runtime.requests.running"
METRIC_REQUESTS_WAITING: Final = "llm.runtime.requests.waiting"
METRIC_RUNTIME_MEMORY: Final = "llm.runtime.memory"
METRIC_ACTIVE_MODEL: Final = "llm.active_model"

DURATION_BUCKETS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Seconds; the bucket boundaries the conventions give for every ``gen_ai.client.*`` duration."""

TOKEN_BUCKETS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
"""Tokens; the bucket boundaries the conventions give for ``gen_ai.client.token.usage``."""

# -- events (log records with an event name) and Python loggers ------------------------------------------------------------------
EVENT_EXCEPTION: Final = "exception"
EVENT_OPERATION_EXCEPTION: Final = "gen_ai.client.operation.exception"
EVENT_OPERATION_DETAILS: Final = "gen_ai.client.inference.operation.details"
REQUEST_LOGGER: Final = "venom_otel.requests"

# -- what watches the model servers -------------------------------------------------------------------------------------------------
MONITOR_SCOPE: Final = "venom_otel.monitor"
MONITOR_SERVICE: Final = "venom-otel-monitor"

# -- the tasks of `venom-otel up`, and where what is said of them comes from ---------------------------------------------------------
TASKS_SERVICE: Final = "venom-otel"
TASKS_LOGGER: Final = "venom_otel.tasks"
TASKS_SCOPE: Final = "venom_otel.tasks"
TASK: Final = "task"
"""The span around all that a task does."""

# -- what `venom-otel doctor` sends to see whether it arrives; no request to a model -------------------------------------------------
DOCTOR_SCOPE: Final = "venom_otel.doctor"
DOCTOR_SPAN: Final = "venom_otel.doctor.span"
DOCTOR_METRIC: Final = "venom_otel.doctor.runs"
DOCTOR_EVENT: Final = "venom_otel.doctor.record"
DOCTOR_RUN: Final = "venom_otel.doctor.run"

# -- values ----------------------------------------------------------------------------------------------------------------------
OPERATION_CHAT: Final = "chat"
ROUTE: Final = "route"
"""Begins the name of a routed call's own span; no operation of the conventions, so that nobody counts it as a request of its own."""
INFERENCE_OPERATIONS: Final = frozenset({OPERATION_CHAT, "text_completion", "generate_content"})
"""Operations that ask a model for an answer; agents, tools and workflows are not among them."""
TOKEN_TYPE_INPUT: Final = "input"
TOKEN_TYPE_OUTPUT: Final = "output"
PROVIDER_UNKNOWN: Final = "unknown"

OUTCOME_OK: Final = "ok"
OUTCOME_ERROR: Final = "error"
OUTCOME_CANCELLED: Final = "cancelled"
OUTCOME_ABANDONED: Final = "abandoned"

KIND_NOT_REACHED: Final = "not_reached"
KIND_WRONG_PATH: Final = "wrong_path"
KIND_MODEL_NOT_FOUND: Final = "model_not_found"
KIND_AUTH: Final = "auth"
KIND_RATE_LIMITED: Final = "rate_limited"
KIND_OVERLOADED: Final = "overloaded"
KIND_LOADING: Final = "loading"
KIND_BAD_REQUEST: Final = "bad_request"
KIND_SERVER_ERROR: Final = "server_error"
KIND_TIMEOUT: Final = "timeout"
KIND_BROKEN_STREAM: Final = "broken_stream"

SOURCE_CONFIG: Final = "config"
SOURCE_SERVER: Final = "server"
SOURCE_HOST: Final = "host"
SOURCE_UNKNOWN: Final = "unknown"

ACTIVE_CONFIGURED: Final = "configured"
ACTIVE_ANSWERED: Final = "answered"

# -- the table the documentation is made from: name -> (type or unit, what it says) ------------------------------------------------
SPAN_ATTRIBUTES: Final[dict[str, tuple[str, str]]] = {
    LLM_PROVIDER: (
        "string",
        "who really answered: `ollama`, `vllm`, `llamacpp`, `openai`, `azure.ai.openai`, …; `unknown` where nothing proves it",
    ),
    GEN_AI_PROVIDER_NAME: ("string", "the same value as `llm.provider`"),
    LLM_MODEL: ("string", "the model asked for, as sent"),
    LLM_MODEL_NAME: ("string", "the same, for readers of OpenInference's names"),
    GEN_AI_REQUEST_MODEL: ("string", "the same, the conventions' name"),
    GEN_AI_RESPONSE_MODEL: ("string", "the model that answered, by the reply's own word"),
    LLM_ENDPOINT: ("string", "base URL without credentials, query or fragment"),
    LLM_SERVER: ("string", "the server's identity: host and port, one value for every name of this machine"),
    LLM_SERVICE_ID: ("string", "Semantic Kernel's service id"),
    LLM_GATEWAY: ("string", "the gateway in between, where one shows itself (`litellm`, …)"),
    LLM_IDENTITY_SOURCE: ("string", "what proves the provider: `config`, `server`, `host` or `unknown`"),
    LLM_TASK_ID: ("string", "the [task](tasks.md) of `venom-otel up` that it belongs to; on all spans and log records of a task"),
    LLM_OUTCOME: ("string", "`ok`, `error`, `cancelled` (the task was) or `abandoned` (the consumer left a stream early)"),
    LLM_ERROR_KIND: ("string", "the failure told apart by the reply's words, see [errors](#error-kinds)"),
    LLM_COLD_START: ("boolean", "true where the runtime says it loaded the model for this request"),
    LLM_TIMING_LOAD: ("double, s", "time the runtime took to load the model"),
    LLM_TIMING_PROMPT: ("double, s", "time the runtime took to read the prompt"),
    LLM_TIMING_GENERATION: ("double, s", "time the runtime took to generate the answer"),
    LLM_TIMING_QUEUE: ("double, s", "time the request waited in the runtime"),
    LLM_COST: ("double", "estimated cost, only where a price table is set"),
    LLM_COST_CURRENCY: ("string", "the price table's currency"),
    GEN_AI_OPERATION_NAME: ("string", "`chat`"),
    GEN_AI_REQUEST_STREAM: ("boolean", "true for streams, absent otherwise"),
    GEN_AI_REQUEST_TEMPERATURE: ("double", "as sent"),
    GEN_AI_REQUEST_TOP_P: ("double", "as sent"),
    GEN_AI_REQUEST_TOP_K: ("double", "as sent"),
    GEN_AI_REQUEST_MAX_TOKENS: ("int", "as sent"),
    GEN_AI_REQUEST_SEED: ("int", "as sent"),
    GEN_AI_REQUEST_STOP_SEQUENCES: ("string[]", "as sent"),
    GEN_AI_REQUEST_FREQUENCY_PENALTY: ("double", "as sent"),
    GEN_AI_REQUEST_PRESENCE_PENALTY: ("double", "as sent"),
    GEN_AI_REQUEST_CHOICE_COUNT: ("int", "as sent, where it is not 1"),
    GEN_AI_OUTPUT_TYPE: ("string", "`json` where the request asks for JSON, `text` where it asks for text"),
    GEN_AI_RESPONSE_ID: ("string", "the reply's id"),
    GEN_AI_RESPONSE_FINISH_REASONS: ("string[]", "one for each choice"),
    GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: ("double, s", "from the call to the first chunk of a stream"),
    GEN_AI_USAGE_INPUT_TOKENS: ("int", "prompt tokens, cached ones included"),
    GEN_AI_USAGE_OUTPUT_TOKENS: ("int", "answer tokens, reasoning included"),
    GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: ("int", "prompt tokens served from the provider's cache"),
    GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: ("int", "prompt tokens written to the provider's cache"),
    GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: ("int", "answer tokens spent on reasoning"),
    GEN_AI_SYSTEM_INSTRUCTIONS: ("string (JSON)", "only with content capture"),
    GEN_AI_INPUT_MESSAGES: ("string (JSON)", "only with content capture"),
    GEN_AI_OUTPUT_MESSAGES: ("string (JSON)", "only with content capture"),
    SERVER_ADDRESS: ("string", "host of the endpoint"),
    SERVER_PORT: ("int", "port of the endpoint"),
    ERROR_TYPE: ("string", "the HTTP status, `timeout`, `connection_error`, or the class of the true cause"),
    HTTP_RESPONSE_STATUS_CODE: ("int", "the failed reply's status"),
    LLM_ROUTE_ATTEMPT: ("int", "which attempt of a [routed call](#routed-calls) it is, from 1; absent where the call is not routed"),
    LLM_ROUTE_FALLBACK: (
        "boolean",
        "whether it is in the place of a service that should have answered; absent where the call is not routed",
    ),
    LLM_ROUTE_GAVE_WAY: ("boolean", "of a failed attempt of a routed call: whether another service was asked after it; absent otherwise"),
}

ROUTE_ATTRIBUTES: Final[dict[str, tuple[str, str]]] = {
    LLM_ROUTE_ATTEMPTS: ("int", "how many services were asked"),
    LLM_ROUTE_CHOSEN: ("string", "the provider that answered; absent where none did"),
    LLM_ROUTE_FALLBACK: (
        "boolean",
        "true where not the first service answered, or was asked last, or where all of it is in the place of another call's service",
    ),
    LLM_ROUTE_ATTEMPT: ("int", "in a routed call within another: which attempt of the outer one it is"),
    LLM_ROUTE_REASON: (
        "string",
        "the first [error kind](#error-kinds): why the first service did not answer, or why it was not even asked",
    ),
    LLM_MODEL: ("string", "the model asked last, as sent"),
    LLM_MODEL_NAME: ("string", "the same"),
    LLM_ENDPOINT: ("string", "where it was asked"),
    LLM_SERVICE_ID: ("string", "Semantic Kernel's service id of the routed service itself"),
    GEN_AI_REQUEST_STREAM: ("boolean", "true for streams, absent otherwise"),
    LLM_OUTCOME: ("string", "as above"),
    LLM_ERROR_KIND: ("string", "of the failure that the application saw, like the next two"),
    ERROR_TYPE: ("string", "as above"),
    HTTP_RESPONSE_STATUS_CODE: ("int", "as above"),
}
"""Of the span around the attempts of a routed call."""

METRICS: Final[dict[str, tuple[str, str, str]]] = {
    METRIC_OPERATION_DURATION: ("histogram", "s", "duration of a round trip, failures included (with `error.type`)"),
    METRIC_TIME_TO_FIRST_CHUNK: ("histogram", "s", "streams: from the call to the first chunk"),
    METRIC_TIME_PER_OUTPUT_CHUNK: ("histogram", "s", "streams: between one chunk and the next, one record for each after the first"),
    METRIC_TOKEN_USAGE: ("histogram", "{token}", "tokens of a round trip, by `gen_ai.token.type`"),
}

ROUTE_METRICS: Final[dict[str, tuple[str, str, str]]] = {
    METRIC_FALLBACKS: ("counter", "{fallback}", "attempts at another service than the one that should have answered"),
}

ROUTE_METRIC_ATTRIBUTES: Final[dict[str, str]] = {
    LLM_ROUTE_FROM: "the provider that should have answered",
    LLM_ROUTE_TO: "the provider that was asked instead",
    ERROR_TYPE: "of the failure that led to it, or that had the first passed over",
}

FALLBACK_ERROR_TYPES: Final = ("connection_error", "timeout", "404", "429", "500", "503")
"""Types of error with which the counter starts at 0 for each pair of services: what a fallback usually follows."""

METRIC_ATTRIBUTES: Final = (
    GEN_AI_OPERATION_NAME,
    GEN_AI_PROVIDER_NAME,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_RESPONSE_MODEL,
    SERVER_ADDRESS,
    SERVER_PORT,
    LLM_PROVIDER,
    LLM_MODEL,
    LLM_ENDPOINT,
    LLM_ROUTE_FALLBACK,
)
"""Of every point of a round trip, as far as they are known."""

DURATION_ATTRIBUTES: Final = (LLM_OUTCOME, LLM_ERROR_KIND, ERROR_TYPE, LLM_COLD_START, LLM_ROUTE_GAVE_WAY)
"""Of the duration's points besides: how it ended. Each is one of few words, and the other metrics are spared the series."""

RUNTIME_METRICS: Final[dict[str, tuple[str, str, str]]] = {
    METRIC_RUNTIME_UP: ("gauge", "{server}", "1 while requests can be sent there (online), else 0"),
    METRIC_RUNTIME_STATE: ("gauge", "{state}", "1 for the state a server is in and 0 for each other one, by `llm.state`"),
    METRIC_PROBE_DURATION: ("histogram", "s", "how long one look at a server took"),
    METRIC_PROBE_FAILURES: ("counter", "{probe}", "looks that found a server offline, by `llm.reason`"),
    METRIC_MODELS_LOADED: ("gauge", "{model}", "models in memory, where the server tells"),
    METRIC_REQUESTS_RUNNING: ("gauge", "{request}", "requests it works on, where it tells"),
    METRIC_REQUESTS_WAITING: ("gauge", "{request}", "requests that wait for their turn, where it tells"),
    METRIC_RUNTIME_MEMORY: ("gauge", "By", "memory that the loaded models take, where it tells"),
    METRIC_ACTIVE_MODEL: ("gauge", "{model}", "1 for the model that is configured and the one that answered last, 0 for those that were"),
}
"""What `venom-otel up` and `venom-otel monitor` send. Braced units, for Prometheus appends `_ratio` to a gauge of unit 1."""

RUNTIME_METRIC_ATTRIBUTES: Final[dict[str, str]] = {
    LLM_SERVER: "the server's identity, the same as in spans",
    LLM_PROVIDER: "`ollama`, `vllm`, `llamacpp`, `openai`, …",
    LLM_ENDPOINT: "base URL without credentials, query or fragment",
    LLM_RUNTIME_NAME: "the server's name in settings and in the API; absent from the active model",
    LLM_STATE: "of `llm.runtime.state` alone",
    LLM_REASON: "of `llm.runtime.probe.failures` alone: `refused`, `timeout`, `name_not_found`, `wrong_server`, …",
    LLM_MODEL: "of `llm.active_model` alone, like the next two",
    LLM_FRIENDLY_NAME: "the model's name for people",
    LLM_SOURCE: "`configured` (the settings say so) or `answered` (the last request that succeeded)",
}

ERROR_KINDS: Final[dict[str, str]] = {
    KIND_NOT_REACHED: "no connection: the server is down, or the host or port is wrong",
    KIND_WRONG_PATH: "a server answered, but knows nothing at that path: the base URL is wrong",
    KIND_MODEL_NOT_FOUND: "the right server answered that it has no such model",
    KIND_AUTH: "the key is missing, wrong or not allowed to do this",
    KIND_RATE_LIMITED: "too many requests for this key",
    KIND_OVERLOADED: "the server is up but too busy to take the request",
    KIND_LOADING: "the server is up but still loading its model",
    KIND_BAD_REQUEST: "the server refuses the request as it was sent (too long, a wrong field)",
    KIND_SERVER_ERROR: "the server failed while working on the request",
    KIND_TIMEOUT: "no answer within the time allowed",
    KIND_BROKEN_STREAM: "the answer began and broke off",
}
