"""Two vLLMs on real sockets, played by the tests."""

import pytest
from support import behaviours, personas
from support.chat_server import ChatServer, ClosedPort
from support.collections import quick_collections  # noqa: F401 - a fixture


@pytest.fixture(scope="session")
def running():
    with ChatServer(personas.vllm, {"server": "uvicorn"}) as first, ChatServer(personas.vllm, {"server": "uvicorn"}) as second:
        yield first, second


@pytest.fixture
def servers(running):
    """The two, answering well and having forgotten the past."""
    for server in running:
        server.play(behaviours.answers())
    return running


@pytest.fixture
def endpoints(servers):
    """The settings that name them: `vllm` and `big`."""
    first, second = servers
    return {"vllm_endpoint": f"{first.url}/v1,big={second.url}/v1"}


@pytest.fixture
def closed_port():
    """A port that refuses."""
    port = ClosedPort()
    yield port
    port.close()
