"""Servers on real sockets, one of each kind for all tests."""

import pytest
from support.collections import quick_collections  # noqa: F401 - a fixture
from support.kernel_fixtures import in_production, kernel_spans, serve_each_dialect  # noqa: F401 - fixtures
from support.unhurried import unhurried  # noqa: F401 - a fixture


@pytest.fixture
def servers(of_each_dialect):
    """By connector: a vLLM behind OpenAI's dialect, and an Ollama."""
    return of_each_dialect
