"""A history over a store of a test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from venom_otel.services.history import History
from venom_otel.store.embedded import EmbeddedStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """An empty store."""
    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as opened:
        yield opened


@pytest.fixture
def history(store: EmbeddedStore) -> History:
    """What is asked here."""
    return History(store)
