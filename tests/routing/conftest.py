"""Two model servers on real sockets, one of each dialect."""

import pytest
from support import behaviours
from support.app import OLLAMA, OPENAI
from support.collections import quick_collections  # noqa: F401 - a fixture
from support.kernel_fixtures import (  # noqa: F401 - fixtures
    in_production,
    kernel_spans,
    play_two_vllms,
    serve_each_dialect,
    serve_two_vllms,
)


@pytest.fixture
def servers(of_each_dialect):
    """By connector; answering well and having forgotten the past."""
    for server in of_each_dialect.values():
        server.play(behaviours.answers())
    return of_each_dialect


@pytest.fixture
def urls(servers):
    """Ollama first, vLLM second."""
    return {OLLAMA: servers[OLLAMA].url, OPENAI: servers[OPENAI].url}
