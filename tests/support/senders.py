"""Programs that send telemetry, each in a process of its own: a Semantic Kernel application, and the monitor.

with KernelApplication(folder, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as application:
    application.ask(connector="ollama", url=ollama.url, model=ollama.model, stream=False)
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

from support.cockpit import PROGRAM, environment
from support.patience import WAIT_S
from support.program import Program
from support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

APPLICATION = ROOT / "tests" / "e2e" / "application.py"


class KernelApplication:
    """`e2e/application.py`, with the two lines of the README; it ends when the context is left.

    Args:
        folder: its home and its log.
        within: a command that starts the one which it is given.
        options: for the application.
        variables: on top of `support.cockpit.environment`.
    """

    def __init__(self, folder: Path, *, within: Sequence[str | Path] = (), options: Sequence[str] = (), **variables: str) -> None:
        self._log = folder / "application.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*within, sys.executable, APPLICATION, *options],
                env=environment(folder, **variables),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self._process.communicate(timeout=WAIT_S)
        finally:
            self._process.kill()
            self._process.wait()

    def ask(self, **question: Any) -> dict[str, str]:
        """Have it ask a model: `connector`, `url`, `model`, `stream`. The text of the answer, or the class of the exception.

        Raises:
            RuntimeError: it ended; the message has the end of its log.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the application ended: {self._log.read_text(errors='replace')[-2000:]}")
        answer: dict[str, str] = json.loads(line)
        return answer


@contextlib.contextmanager
def monitor(folder: Path, **variables: str) -> Iterator[None]:
    """`venom-otel monitor`, its home and its log in `folder`, while the context is open."""
    program = Program(folder / "monitor.log")
    program.start([PROGRAM, "monitor"], environment(folder, **variables), lambda: True)
    try:
        yield
    finally:
        program.end()
