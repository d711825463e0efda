"""Stands in for vLLM as a program: the simulated vLLM under the names and the port that it is started with, as `vllm serve` takes them.

    python standin_vllm.py --port 8001                                                   # serves what LLM_MODEL_NAME says
    python standin_vllm.py serve models/x --served-model-name x --host 127.0.0.1 --port 8001

A model with `broken` in its name ends it at once, as weights that cannot be loaded do; `--serve NAME` serves that, whatever is asked for.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

from venom_otel.testing.simulated import SimulatedModel, SimulatedVllm, openai_dialect, server


class StandIn(SimulatedVllm):
    """One model under several names."""

    root = ""

    def get(self, path):
        if path == openai_dialect.MODELS:
            return openai_dialect.model_list(list(self.models), "vllm", root=self.root, parent=None, max_model_len=8192)
        return super().get(path)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("verb", nargs="?")
    options.add_argument("model", nargs="?", default=os.environ.get("LLM_MODEL_NAME", ""))
    options.add_argument("--served-model-name", nargs="+")
    options.add_argument("--serve")
    options.add_argument("--host")
    options.add_argument("--port", type=int)
    given = options.parse_args()
    model = given.serve or given.model
    if not model or "broken" in model:
        sys.exit(f"ValueError: cannot load {model!r}")
    server._Server.allow_reuse_port = True  # beside the test's own socket, which keeps the port for it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with StandIn(*map(SimulatedModel, given.served_model_name or [model]), port=given.port, speed=100) as running:
        running.root = model
        while True:
            signal.pause()


if __name__ == "__main__":
    main()
