"""The process of the demo's own `venom-otel up`: `python -m venom_otel.cli.demo.apart PORT`.

Its data lies in a directory that goes when it ends. It ends with whoever started it, even if that one is killed: then its standard input
ends.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from venom_otel.cli.up import run
from venom_otel.errors import VenomError


def main() -> None:
    """Serve until the end of standard input."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # until the server takes over
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="venom-otel-demo-", ignore_cleanup_errors=True) as folder:
        try:
            run((), {"port": int(sys.argv[1]), "otlp_port": 0, "otlp_grpc": False, "data_dir": Path(folder)}, as_json=True)
        except VenomError as error:
            print(f"venom-otel: {error}", file=sys.stderr)
            sys.exit(2)


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing is ever written to it
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
