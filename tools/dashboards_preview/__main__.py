"""Draws the dashboards as Grafana would: `make dashboards-preview`, for whoever changes one; takes ten minutes, for the charts to fill.

An instrumented application asks simulated model servers, `venom-otel up` watches those and recordings of real ones, Prometheus really
runs and answers each panel's query, and Grafana's own components draw what it answers. There is no Grafana: what its app does by itself and
its npm packages do not have is drawn by the page here, and each picture says so.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tools import chromium
from tools.cache import ToolError
from tools.dashboards_preview import bundle, pictures, results, traffic

PICTURES: Final = traffic.ROOT / "test-logs" / "dashboards"
DOCUMENTED: Final = {"overview": "grafana-overview", "compare": "grafana-compare"}
"""Which of them docs/grafana.md shows, and what they are called in docs/images."""

LARGEST_BYTES: Final = 250_000
"""A page with larger pictures loads slowly."""

MINUTES: Final = 9.0


def main() -> int:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of traffic")
    parser.add_argument("--document", action="store_true", help="put those that docs/grafana.md shows into docs/images")
    arguments = parser.parse_args()
    try:
        browser, page = chromium.ensure(), bundle.bundle()
    except ToolError as error:
        print(f"dashboards_preview: {error}", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    begin = time.time()
    with tempfile.TemporaryDirectory() as folder, traffic.traffic(Path(folder), arguments.minutes) as prometheus:
        window = results.Window(begin, time.time())
        for path in sorted((traffic.ROOT / "dashboards").glob("*.json")):
            dashboard = json.loads(path.read_text(encoding="utf-8"))
            if not results.answerable(dashboard):
                continue
            picture = PICTURES / f"{path.stem}.png"
            given = {"dashboard": dashboard, "window": [window.start, window.end], "note": _note()}
            pictures.take(browser, page, given | results.results(dashboard, prometheus.url, window), picture)
            print(f"{picture.relative_to(traffic.ROOT)}: {picture.stat().st_size // 1000} kB", flush=True)
    return _document() if arguments.document else 0


def _note() -> str:
    return (
        f"Drawn by Grafana's components (@grafana/ui {bundle.grafana_version()}) outside Grafana, over what a real Prometheus answered. "
        "The model servers were simulated or recorded. Diamonds, dashed marks and the bars of the state timeline are drawn by the preview."
    )


def _document() -> int:
    for stem, name in DOCUMENTED.items():
        size = (PICTURES / f"{stem}.png").stat().st_size
        if size > LARGEST_BYTES:
            print(
                f"dashboards_preview: {stem}.png has {size} bytes, more than {LARGEST_BYTES}; docs/images keeps what it has",
                file=sys.stderr,
            )
            return 1
        shutil.copy(PICTURES / f"{stem}.png", traffic.ROOT / "docs" / "images" / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
