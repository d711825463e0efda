"""`venom-otel demo` in a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from support.cockpit import PROGRAM, environment
from support.patience import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path


class Demo:
    """The demo, its home and temporary files in `folder`; ended by SIGINT when the context is left."""

    def __init__(self, folder: Path, *arguments: str, hide: str = "", **more: str) -> None:
        """`hide` is a module that it cannot import; `more` are variables."""
        self._tmp = folder / "tmp"
        self._tmp.mkdir(exist_ok=True)
        hidden = f"import sys; sys.modules['{hide}'] = None; from venom_otel.cli import main; main()"
        self.process = subprocess.Popen(
            [*([sys.executable, "-c", hidden] if hide else [PROGRAM]), "demo", *arguments],
            env=environment(folder, **{"TMPDIR": str(self._tmp), "VENOM_OTEL_PORT": "0", **more}),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.words = ""
        """What it has said so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.stop()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    @property
    def left_behind(self) -> list[str]:
        """Names of its temporary files."""
        return [path.name for path in self._tmp.iterdir()]

    def page(self) -> str:
        """The page's address, as soon as it is said.

        Raises:
            RuntimeError: it ended instead.
        """
        assert self.process.stdout is not None
        while (found := re.search(r"Page\s+(http://\S+)\n", self.words)) is None:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"the demo ended: {self.stop()}")
            self.words += line
        return found[1]

    def stop(self, number: int | None = signal.SIGINT) -> tuple[int, str, str]:
        """End it by a signal, or wait until it ends by itself; its status, its last line, and what it wrote to standard error."""
        if number is not None:
            self.process.send_signal(number)
        try:
            # Not `communicate`, which loses what `page` has read ahead; all it says fits into a pipe.
            self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.words += self.process.stdout.read()
        return self.process.returncode, self.words.rstrip("\n").rpartition("\n")[2], self.process.stderr.read()
