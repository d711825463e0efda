"""Runs a command beside a real vLLM on the CPU: `python -m tools.run_vllm pytest …`, which finds the server's address in VLLM_URL.

For a person to start, never for CI: the environment takes 3 GiB of downloads and 6 GB of disk in the per-user cache, once, and the server
some minutes to start. Linux on x86-64 only, as the build is.
"""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tools import tiny_model
from tools.cache import ToolError, build_once, cache_dir, key

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "vllm.lock"
PYTHON = "3.11"
"""What the lock file is for."""
MODEL = "gemma-3"
START_S = 1200.0


def environment() -> Path:
    """The environment's Python, installed where it is missing."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise ToolError("vLLM's CPU build is for Linux on x86-64 only")
    return build_once(cache_dir() / "vllm" / key(LOCK.read_text(encoding="utf-8"), PYTHON), _install) / "bin" / "python"


def _install(folder: Path) -> None:
    print(f"installing vLLM into {cache_dir() / 'vllm'}: 3 GiB of downloads, once", file=sys.stderr, flush=True)
    uv = subprocess.run([ROOT / "tools" / "bootstrap", "uv"], capture_output=True, text=True, check=True).stdout.strip()
    # Allowed to fill the folder that is there, and without paths in its scripts: the folder is renamed once it is whole.
    for step in (
        ["venv", "--quiet", "--no-project", "--allow-existing", "--relocatable", "--python", PYTHON, str(folder)],
        ["pip", "sync", "--python", str(folder / "bin" / "python"), "--require-hashes", str(LOCK)],
    ):
        if subprocess.run([uv, *step], check=False).returncode != 0:
            raise ToolError(f"`uv {' '.join(step)}` failed; its words are above")


def serve(python: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the server; not by the command `vllm`, which asks for a distribution of that name."""
    offline = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    small = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "2"}
    model = ["--model", str(tiny_model.build() / "tiny-hf"), "--served-model-name", MODEL, "--max-model-len", "256", "--dtype", "float32"]
    return subprocess.Popen(
        [python, "-m", "vllm.entrypoints.openai.api_server", *model, "--enforce-eager", "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, **offline, **small},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
    )


def wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    """Return when the server answers.

    Raises:
        ToolError: it ended, or does not answer in time.
    """
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise ToolError(f"vLLM ended with status {server.returncode}; its words are above")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):  # noqa: S310 - our own http address
                return
        except OSError:
            time.sleep(1)
    raise ToolError(f"vLLM does not answer within {START_S:.0f} s")


def main(command: list[str]) -> int:
    if not command:
        print("usage: python -m tools.run_vllm COMMAND [ARGUMENT ...]", file=sys.stderr)
        return 2
    server = None
    try:
        python = environment()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        server = serve(python, port)
        wait_until_ready(server, url)
        return subprocess.run(command, env={**os.environ, "VLLM_URL": url}, check=False).returncode
    except ToolError as error:
        print(f"run_vllm: {error}", file=sys.stderr)
        return 1
    finally:
        if server is not None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
