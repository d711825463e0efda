"""The real `venom-otel up` in a process of its own, on ports the system picks, and telemetry for it by the SDK's own exporter.

with Cockpit(folder) as cockpit:
    cockpit.page, cockpit.otlp, cockpit.process
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from support.patience import WAIT_S
from support.reserved import kept_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROGRAM = Path(sys.executable).with_name("venom-otel")
PROGRAMS = Path(__file__).with_name("programs")


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a command sees: nothing of the surrounding shell but the path, a home of its own, and no fixed port for gRPC.

    Nor what else runs on the machine, which may be slow: see `programs/sitecustomize.py`.
    """
    usual = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "VENOM_OTEL_OTLP_GRPC_PORT": "0", "PYTHONPATH": str(PROGRAMS)}
    return {**usual, "HOME": str(home), **more}


def command(*arguments: str, home: Path, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `venom-otel` to its end."""
    return subprocess.run(
        [PROGRAM, *arguments],
        env=environment(home, **more),
        cwd=cwd or home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


class Cockpit:
    """`venom-otel up --json`, its data in `folder`; ended by SIGTERM when the context is left.

    Args:
        folder: its home; its data lies in `data` below.
        port: as for the command, like the next.
        otlp_port: 0, here and above, for one that nobody else is given, also between two starts.
        within: a command that starts the one which it is given, in the same process.
        more: variables.
    """

    page = ""
    otlp = ""
    otlp_grpc: str | None = ""

    def __init__(self, folder: Path, *, port: int = 0, otlp_port: int = 0, within: Sequence[str | Path] = (), **more: str) -> None:
        self.folder = folder
        self._within = within
        self._ports = ["--port", str(port or kept_port(self)), "--otlp-port", str(otlp_port or kept_port(self))]
        # What it measures of model servers and stores itself is not among what a test sends and counts, unless it asks for it.
        quiet = {"OTEL_METRIC_EXPORT_INTERVAL": "3600000", "VENOM_OTEL_OTLP_GRPC_PORT": str(kept_port(self))}
        self.environment = environment(folder, **{**quiet, **more})
        self.process: subprocess.Popen[str] | None = None

    @property
    def port(self) -> int:
        """The page's."""
        return int(self.page.rpartition(":")[2])

    @property
    def otlp_port(self) -> int:
        """The receiver's, HTTP."""
        return int(self.otlp.rpartition(":")[2])

    @property
    def otlp_grpc_port(self) -> int:
        """The receiver's, gRPC."""
        return int(self.otlp_grpc.rpartition(":")[2])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process is not None and self.process.poll() is None:
            sys.stderr.write(self.stop()[2])  # which pytest shows where the test has failed

    def start(self) -> None:
        """Start it and wait until it is ready; a second start takes the ports of the first.

        Raises:
            RuntimeError: it ended instead; the message has its words.
        """
        self.process = subprocess.Popen(
            [*self._within, PROGRAM, "up", "--json", "--data-dir", str(self.folder / "data"), *self._ports],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            _, words = self.process.communicate(timeout=WAIT_S)
            raise RuntimeError(f"venom-otel up ended: {words}")
        ready = json.loads(line)
        self.page, self.otlp, self.otlp_grpc = ready["page"], ready["otlp"], ready["otlp_grpc"]

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float, str]:
        """End it by a signal; its exit status, the seconds it took, and what it wrote to standard error."""
        assert self.process is not None
        begin = time.monotonic()
        self.process.send_signal(number)
        try:
            _, words = self.process.communicate(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode, time.monotonic() - begin, words


class Application:
    """An application that sends spans of requests, one export for each, by the SDK's exporter."""

    def __init__(self, otlp: str, name: str = "support-bot") -> None:
        self._exporter = OTLPSpanExporter(endpoint=f"{otlp}/v1/traces", timeout=WAIT_S)
        self._provider = TracerProvider(resource=Resource({"service.name": name}), shutdown_on_exit=False)
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("venom_otel")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._provider.shutdown()

    def request(
        self,
        model: str = "llama3.2:1b",
        *,
        provider: str = "ollama",
        endpoint: str = "http://localhost:11434/v1",
        answered: str | None = None,
        seconds: float = 0.8,
        attributes: dict[str, Any] | None = None,
        failure: tuple[str, str, str] | None = None,
    ) -> str:
        """Send a trace with one request and return its trace id; `failure` is error.type, llm.error.kind and the words."""
        begin = time.time_ns()
        end = begin + round(seconds * 1e9)
        agent = self._tracer.start_span("invoke_agent Support", start_time=begin - 2_000_000)
        with_model = {"llm.provider": provider, "gen_ai.provider.name": provider, "llm.model": model, "gen_ai.request.model": model}
        stated = {"llm.endpoint": endpoint, "gen_ai.operation.name": "chat", "llm.outcome": "error" if failure else "ok", **with_model}
        if failure is None:
            stated |= {"gen_ai.response.model": answered or model, "gen_ai.usage.input_tokens": 31, "gen_ai.usage.output_tokens": 118}
        else:
            stated |= {"error.type": failure[0], "llm.error.kind": failure[1]}
        span = self._tracer.start_span(
            f"chat {model}",
            set_span_in_context(agent),
            SpanKind.CLIENT,
            attributes=stated | (attributes or {}),
            start_time=begin,
        )
        http = self._tracer.start_span("POST", set_span_in_context(span), SpanKind.CLIENT, start_time=begin + 1_000_000)
        http.end(end - 1_000_000)
        if failure is not None:
            span.add_event("exception", {"exception.type": "openai.NotFoundError", "exception.message": failure[2]}, timestamp=end)
            span.set_status(Status(StatusCode.ERROR, failure[2]))
        span.end(end)
        agent.end(end + 2_000_000)
        return f"{span.get_span_context().trace_id:032x}"

    def requests(self, count: int) -> None:
        """Send so many requests, `model-0` and on, in one export."""
        batch = TracerProvider(resource=self._provider.resource, shutdown_on_exit=False)
        processor = BatchSpanProcessor(self._exporter, max_queue_size=count, max_export_batch_size=count, schedule_delay_millis=60_000)
        batch.add_span_processor(processor)
        tracer = batch.get_tracer("venom_otel")
        for number in range(count):
            tracer.start_span(
                f"chat model-{number}", Context(), SpanKind.CLIENT, {"llm.provider": "vllm", "llm.model": f"model-{number}"}
            ).end()
        processor.force_flush()

    def begin(self) -> tuple[str, Callable[[str], None], Callable[[], None]]:
        """Begin a trace: its id, what sends another span of it, and what ends and sends the outermost."""
        whole = self._tracer.start_span("whole")
        inside = set_span_in_context(whole)
        return f"{whole.get_span_context().trace_id:032x}", lambda name: self._tracer.start_span(name, inside).end(), whole.end


def wait_for(condition: Callable[[], Any], what: str, timeout: float = WAIT_S) -> Any:
    """The first true value of `condition`.

    Raises:
        TimeoutError: there was none in time; the message says of `what`.
    """
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {timeout} s")
        time.sleep(0.02)
    return found
