"""`venom-otel demo`: the page with everything moving, for somebody who has no model at hand.

Two runtimes are simulated, everything else is real: a Semantic Kernel with the two lines, HTTP, OTLP, the store, the page. Where a
`venom-otel up` runs on the user's data the requests go there; else one is started, whose data is gone afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from venom_otel.cli.demo.stage import Stage
from venom_otel.cli.demo.summary import summary
from venom_otel.cli.running import Running, data_dir
from venom_otel.errors import MissingExtraError
from venom_otel.settings import CockpitSettings, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.testing import SimulatedOllama, SimulatedVllm

SERVICE: Final = "venom-otel demo"
"""`service.name` of everything it sends."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def demo(
    *,
    duration: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="End by itself after so many seconds.", show_default="at Ctrl-C")
    ] = None,
) -> None:
    """Show the page moving, with two simulated model servers.

    A real Semantic Kernel asks them; no model is needed.

    Where `venom-otel up` runs on your data the requests go there, under the service name "venom-otel demo". Else one is started that keeps
    its data for as long as the demo runs.
    """
    if find_spec("semantic_kernel") is None:
        raise MissingExtraError("the demo needs Semantic Kernel. Run: pip install 'venom-otel[cockpit,instruments]'")
    began = datetime.now(UTC)
    console = Console(highlight=False, soft_wrap=True)
    with _ended_by_signals(), contextlib.ExitStack() as stack:
        settings = load(CockpitSettings)
        running = Running.find(data_dir(settings))
        from venom_otel.cli.demo import runtimes

        vllm, ollama = stack.enter_context(runtimes.vllm()), stack.enter_context(runtimes.ollama())
        stage = stack.enter_context(Stage(settings, vllm, ollama)) if running is None else None
        # While the page starts in its own process, the seconds that importing Semantic Kernel takes pass here.
        from venom_otel.cli.demo import traffic

        where = running or (stage.ready() if stage is not None else None)
        assert where is not None
        _announce(console, where, vllm, ollama, own=stage is not None, duration=duration)
        _say_where_to(where.otlp)
        asyncio.run(traffic.send(vllm, ollama, duration=duration, ended_by=_SIGNALS))
        console.print(f"\n  {summary(where.page, SERVICE, since=began)}")


def _announce(console: Console, where: Running, vllm: SimulatedVllm, ollama: SimulatedOllama, *, own: bool, duration: float | None) -> None:
    data = (
        "in a temporary directory, gone when this ends"
        if own
        else f'in the history of the `venom-otel up` that runs already (process {where.pid}), as service "{SERVICE}"'
    )
    console.print("[bold]venom-otel demo[/]\n")
    console.print(f"  [dim]Page[/]  [bold cyan link={where.page}]{where.page}[/]")
    console.print(f"  [dim]Data[/]  {escape(data)}\n")
    console.print("  A real Semantic Kernel asks two simulated servers; no model runs:\n")
    for name, server in (("vLLM", vllm), ("Ollama", ollama)):
        console.print(f"      {name:<7} {server.url}  {', '.join(server.models)}")
    console.print(
        "\n  Calls and streams, a model that is missing (404), an engine that crashes (500),"
        "\n  a reader who leaves, and a second server that is asked where the first one fails."
    )
    end = "Ctrl-C ends this." if duration is None else f"It ends in {duration:g} s, or at Ctrl-C."
    console.print(f"\n  Open the page and watch them arrive. {end}")


def _say_where_to(otlp: str) -> None:
    """Point OpenTelemetry and HTTP clients of this process at this machine, whatever the surrounding shell says."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        del os.environ[name]
    os.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp, "OTEL_SERVICE_NAME": SERVICE, "NO_PROXY": "*", "no_proxy": "*"}


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A signal ends the block as Ctrl-C does, wherever it is, and is no error."""
    before = {
        number: signal.signal(number, signal.default_int_handler) for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
