"""For tests that import Semantic Kernel: `from support.collections import quick_collections` in a conftest is all it takes."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def quick_collections() -> Iterator[None]:
    """Semantic Kernel's classes make each garbage collection take 0.1 s; none of them is garbage."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
