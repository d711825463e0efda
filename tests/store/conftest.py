"""A store of a test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from venom_otel.store.embedded import EmbeddedStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "data" / "telemetry.db"


@pytest.fixture
def store(path: Path) -> Iterator[EmbeddedStore]:
    """An empty store."""
    with EmbeddedStore(path, min_free_bytes=0) as opened:
        yield opened
