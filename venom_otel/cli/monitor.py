"""`venom-otel monitor`: watches the model servers and sends what it sees by OTLP, without a page and without a store."""

from __future__ import annotations

import logging
import queue
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from venom_otel.settings import CockpitSettings, load

if TYPE_CHECKING:
    from venom_otel.health import Look


def monitor() -> None:
    """Watch the model servers and send what is seen by OTLP, until Ctrl-C.

    Metrics go to OTEL_EXPORTER_OTLP_ENDPOINT, http://localhost:4318 by default. `venom-otel up` does the same for its own store.
    """
    # Imported here: other commands need not wait for the SDK.
    from venom_otel.cli.monitoring import Watched, sent
    from venom_otel.control import Controller
    from venom_otel.runtimes.reading import read

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    settings = load(CockpitSettings)
    watched = Watched(settings)
    controller = Controller(watched.runtimes, settings, directory=Path.cwd())  # tells a server that starts from one that is stopped
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it, for a process that shall stay
            signal.signal(number, lambda *_: lines.put(None))  # SimpleQueue.put may be called by a signal's handler
    watching = watched.monitor(controller.watching(read))
    watching.subscribe(lambda look: lines.put(_line(look)) if look.changed else None)
    with sent(watching, watched.active()), watching:
        while (line := lines.get()) is not None:
            print(line, flush=True)


def _line(look: Look) -> str:
    condition = look.server.condition
    why = f": {condition.cause}" if condition.cause else ""
    return f"{look.server.runtime.name}\t{condition.status}\t{condition.state}{why}"
