"""Settings from the environment, typed. Each error names the variable and what would do.

Standard ``OTEL_*`` variables keep their meaning and are read by the OpenTelemetry SDK; the ones here are this project's own. The
command line alone reads a ``.env`` file and puts it into the environment first, so that a library user's process is never changed
by a file that happens to lie beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from venom_otel.errors import SettingsError

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class InstrumentationSettings(BaseSettings):
    """What an instrumented application may set. Prefix ``VENOM_OTEL_``."""

    model_config = SettingsConfigDict(env_prefix="VENOM_OTEL_", extra="ignore", frozen=True)

    providers: str = Field(
        default="",
        description="Who is behind an address or service id, where you know better: `http://gpu:8000=vllm,my-service=llamacpp`.",
    )
    prices: Path | None = Field(
        default=None,
        description="A JSON file of prices per million tokens; switches the cost estimate on.",
    )
    propagate_to: str = Field(
        default="local",
        description="Where the `traceparent` header may go: `local` (loopback and private addresses), `all` or `none`.",
    )
    server_aliases: str = Field(
        default="",
        description="Other names of one host: `host.docker.internal=localhost,gpu.lan=10.0.0.5`.",
    )
    http_spans: bool = Field(
        default=True,
        description="A child span for the HTTP call below each round trip, for clients made of httpx or httpx2.",
    )
    record_stacktrace: bool = Field(
        default=False,
        description="Adds `exception.stacktrace` to failed spans; formatting it costs more than the failed call itself.",
    )
    request_log: bool = Field(
        default=True,
        description="One INFO record for each finished call on the logger `venom_otel.requests`.",
    )


class CockpitSettings(BaseSettings):
    """What `venom-otel up` may be told. Prefix ``VENOM_OTEL_``."""

    model_config = SettingsConfigDict(env_prefix="VENOM_OTEL_", extra="ignore", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address the page, the API and the receiver listen on.")
    port: int = Field(default=8765, ge=0, le=65535, description="Port of the page and the API.")
    otlp_port: int = Field(default=4318, ge=0, le=65535, description="Port of the OTLP receiver, HTTP.")
    otlp_grpc_port: int = Field(default=4317, ge=0, le=65535, description="Port of the OTLP receiver, gRPC.")
    otlp_grpc: bool = Field(default=True, description="Whether OTLP is received over gRPC at all.")
    data_dir: Path | None = Field(default=None, description="Where the store lies; by default the user's data directory.")
    token: SecretStr | None = Field(
        default=None,
        description="What write actions of the API ask for; by default one is made and kept in the data directory.",
    )
    allowed_hosts: str = Field(
        default="",
        description="Further host names under which the page may be opened, besides localhost and the bound address.",
    )
    max_body_bytes: int = Field(default=32 * 1024 * 1024, gt=0, description="Largest OTLP request, unpacked, in bytes.")
    max_queue_bytes: int = Field(
        default=64 * 1024 * 1024, gt=0, description="Most bytes that may wait for the store before senders are told to retry."
    )
    min_free_bytes: int = Field(default=64 * 1024 * 1024, ge=0, description="Free disk space below which nothing more is stored.")
    max_series: int = Field(
        default=100_000,
        ge=0,
        description="Most metric series that are kept; points of further ones are refused with words. As many combinations of service, "
        "provider, model and endpoint are told apart in lists and figures.",
    )
    probe_interval_s: float = Field(
        default=10, ge=1, le=3600, description="Seconds between two looks at each model server; cloud services are looked at once a minute."
    )
    logs_dir: Path = Field(
        default=Path("logs"), description="Where the output of model servers that are started from here goes: `vllm.log` and so on."
    )
    run_dir: Path = Field(default=Path("run"), description="Where the PID files of those are: `vllm.pid` and so on.")
    action_timeout_s: float = Field(
        default=600, gt=0, description="Seconds within which a server must be up after it was told to start, or gone after a stop."
    )
    webhook_url: SecretStr | None = Field(default=None, description="Where alerts are sent, in Alertmanager's format; by default nowhere.")
    webhook_secret: SecretStr | None = Field(default=None, description="Signs what is sent there, as Standard Webhooks has it.")
    tasks_running: int = Field(default=512, ge=1, description="Most tasks (`POST /api/v1/tasks`) that are worked on at the same time.")
    tasks_waiting: int = Field(default=2000, ge=0, description="Most tasks that may wait for their turn; further ones are refused.")
    tasks_kept_s: float = Field(
        default=3600, ge=0, description="Seconds for which an answer or a conversation is kept: only in memory, at most a thousand of each."
    )
    task_stall_s: float = Field(default=600, gt=0, description="Seconds without any news after which a task is given up as lost.")
    task_models: str = Field(
        default="",
        description="The model for a server where a task names none, by the server's name: `openai=gpt-4o-mini`. Without it: "
        "`LLM_MODEL_NAME`, else the first that is loaded.",
    )
    prices: Path | None = Field(
        default=None, description="The same file of prices as the applications': the page Compare then says what requests cost."
    )
    tempo_url: str = Field(
        default="",
        description="Address of a Tempo that keeps the same traces for longer: `http://localhost:3200`. Requests and traces older than the "
        "store here are read from there.",
    )
    tempo_days: float = Field(default=30, gt=0, le=3650, description="How many days back requests are looked for in Tempo.")
    prometheus_url: str = Field(
        default="",
        description="Address of a Prometheus to which the same metrics are sent: `http://localhost:9090`. Figures of requests older than "
        "the store here are read from there.",
    )
    prometheus_days: float = Field(default=30, gt=0, le=3650, description="How many days back requests are counted in Prometheus.")
    retention_days: float = Field(default=30, ge=0, description="Days since its arrival after which telemetry is deleted; 0 for never.")
    retention_bytes: int = Field(
        default=10 * 1024**3, ge=0, description="Size of the store beyond which the oldest telemetry is deleted; 0 for no limit."
    )


class GrafanaSettings(BaseSettings):
    """Which Grafana `venom-otel grafana` works with. Prefix ``VENOM_OTEL_GRAFANA_``."""

    model_config = SettingsConfigDict(env_prefix="VENOM_OTEL_GRAFANA_", env_ignore_empty=True, extra="ignore", frozen=True)

    url: str = Field(default="http://127.0.0.1:3000", description="Address of Grafana.")
    token: SecretStr | None = Field(default=None, description="Token of a service account there; its role: Admin to push, Viewer to check.")


USUAL_MODELS_DIR: Final = Path("models")
"""Where models in folders are looked for where nobody says where they are."""


class RuntimeSettings(BaseSettings):
    """Where the model servers are. No prefix: other programs know these names, too."""

    model_config = SettingsConfigDict(env_prefix="", env_ignore_empty=True, extra="ignore", frozen=True)

    ollama_endpoint: str = Field(
        default="",
        description="Address of Ollama: `http://localhost:11434`; several as `http://a:11434,big=http://b:11434`, each with a name or not.",
    )
    ollama_host: str = Field(default="", description="Ollama's own variable, in all its forms; heard where `OLLAMA_ENDPOINT` is not set.")
    ollama_api_key: SecretStr | None = Field(default=None, description="Key for it, where a proxy in front asks for one.")
    ollama_start_command: str = Field(
        default="", description="Starts it: `ollama serve`, or a script that ends once it has started it; program and arguments, no shell."
    )
    ollama_stop_command: str = Field(default="", description="Stops it; without it, what was started from here is ended by a signal.")
    ollama_restart_command: str = Field(default="", description="Restarts it; without it, it is stopped and started.")
    vllm_endpoint: str = Field(default="", description="Address of vLLM, with or without `/v1`; several as above.")
    vllm_api_key: SecretStr | None = Field(default=None, description="What it was started with as `--api-key`.")
    vllm_start_command: str = Field(
        default="",
        description="Starts it, as above: `scripts/llm/vllm_service.sh start`. The model to serve is its `LLM_MODEL_NAME`.",
    )
    vllm_stop_command: str = Field(default="", description="Stops it; without it, what was started from here is ended by a signal.")
    vllm_restart_command: str = Field(default="", description="Restarts it; without it, it is stopped and started.")
    llamacpp_endpoint: str = Field(default="", description="Address of llama.cpp's server; several as above.")
    llamacpp_api_key: SecretStr | None = Field(default=None, description="What it was started with as `--api-key`.")
    llamacpp_start_command: str = Field(default="", description="Starts it, as above.")
    llamacpp_stop_command: str = Field(default="", description="Stops it; without it, what was started from here is ended by a signal.")
    llamacpp_restart_command: str = Field(default="", description="Restarts it; without it, it is stopped and started.")
    openai_base_url: str = Field(
        default="",
        description="Address of OpenAI, `https://api.openai.com/v1`, or of another service of its kind; several as above. Only what stands "
        "here is looked at, at most once a minute.",
    )
    openai_api_key: SecretStr | None = Field(default=None, description="Key for it.")
    llm_local_endpoint: str = Field(
        default="", description="Base URL that the application uses for its local model, whichever runtime that is: it is asked who it is."
    )
    llm_model_name: str = Field(default="", description="The model that the application is meant to use, as its server calls it.")
    llm_models_dir: Path = Field(
        default=USUAL_MODELS_DIR,
        description="Directory of models in Hugging Face's layout, one folder each, which vLLM can be told to serve.",
    )


def load(cls: type[SettingsT]) -> SettingsT:
    """Read `cls` from the environment.

    Raises:
        SettingsError: a variable holds something unusable; the message names the variable.
    """
    try:
        return cls()
    except ValidationError as error:
        prefix = cls.model_config.get("env_prefix", "")
        problems = "; ".join(
            f"{prefix}{'_'.join(str(part) for part in item['loc'])}".upper() + f"={item['input']!r}: {item['msg']}"
            for item in error.errors(include_url=False)
        )
        raise SettingsError(f"{problems}. docs/settings.md lists what each variable takes.") from None
