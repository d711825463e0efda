"""A `venom-otel up` for the demo alone, in a process of its own (`apart`): started, found, and ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from venom_otel.cli.ports import listen
from venom_otel.cli.running import Running
from venom_otel.errors import CockpitError, SettingsError
from venom_otel.settings import RuntimeSettings

if TYPE_CHECKING:
    from venom_otel.settings import CockpitSettings
    from venom_otel.testing import SimulatedOllama, SimulatedVllm

_END_S: Final = 10.0


class Stage:
    """The process, as a context manager; it starts at once and is ready later.

    The page takes its usual port if that is free, else another. The receiver takes a free one and not its usual: an application that
    sends there would find nothing of it kept. The model servers it watches are the simulated ones.
    """

    def __init__(self, settings: CockpitSettings, vllm: SimulatedVllm, ollama: SimulatedOllama) -> None:
        self._port = _free_or_any(settings)
        servers = dict.fromkeys(RuntimeSettings.model_fields, "") | {"vllm_endpoint": f"{vllm.url}/v1", "ollama_endpoint": ollama.url}
        self._variables = {name.upper(): value for name, value in servers.items()}  # the simulated ones alone, whatever the shell names
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "venom_otel.cli.demo.apart", str(self._port)],
            # Where a wrapper sets up an SDK in each process it would start itself anew. No proxy leads to this machine.
            env={**os.environ, **self._variables, "OTEL_SDK_DISABLED": "true", "NO_PROXY": "*", "no_proxy": "*"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us: it is asked for the summary before it ends
        )
        return self

    def __exit__(self, *exc: object) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def ready(self) -> Running:
        """Where it is, as soon as it is there.

        Raises:
            CockpitError: it does not start; it has said why on standard error.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = Running.find(Path(json.loads(line)["data_dir"])) if line else None
        if found is None:
            raise CockpitError("the page could not be started.")
        return found


def _free_or_any(settings: CockpitSettings) -> int:
    try:
        listen(settings.host, settings.port, "--port").close()
    except SettingsError:
        return 0
    return settings.port
