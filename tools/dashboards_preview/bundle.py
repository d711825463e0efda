"""Grafana's components and the page that uses them, as one script for a browser: once per user and version, below the cache.

They are npm packages in the versions that package-lock.json names, each checked by its hash there; no package's own script is run.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from tools import npm, programs
from tools.cache import build_once, cache_dir, key

SOURCES: Final = Path(__file__).with_name("page")
ICONS: Final = "img/icons"
FLAGS: Final = (
    "--bundle",
    "--format=iife",
    "--jsx=automatic",
    '--define:process.env.NODE_ENV="production"',
    "--loader:.woff=dataurl",
    "--loader:.woff2=dataurl",
    "--loader:.ttf=empty",  # the icons of an editor that no dashboard has
    "--minify",
    "--log-level=warning",
)


def bundle() -> Path:
    """The directory with index.html, bundle.js, bundle.css and Grafana's icons in img/icons, made where it is missing.

    Raises:
        ToolError: npm or the bundler failed.
    """
    files = sorted(path for path in SOURCES.iterdir() if path.is_file())
    name = key(*(path.read_text(encoding="utf-8") for path in files), *FLAGS)
    return build_once(cache_dir() / "dashboards-preview" / name, lambda result: _make(files, result))


def grafana_version() -> str:
    """Of Grafana's components."""
    return str(json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))["dependencies"]["@grafana/ui"])


def _make(files: list[Path], result: Path) -> None:
    print("installing Grafana's components: about a minute, once", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="venom-otel-dashboards-preview-") as name:
        scratch = Path(name)
        npm.install(files, scratch)
        esbuild = [str(npm.NODE), "node_modules/esbuild/bin/esbuild", "index.jsx", *FLAGS, f"--outfile={result / 'bundle.js'}"]
        programs.run(esbuild, scratch, dict(os.environ))
        shutil.copytree(scratch / "node_modules" / "@grafana" / "ui" / "dist" / "public" / ICONS, result / ICONS)
    shutil.copy(SOURCES / "index.html", result)
