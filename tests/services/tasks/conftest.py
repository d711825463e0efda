"""Two vLLMs on real sockets, played by the tests."""

import pytest
from support.collections import quick_collections  # noqa: F401 - a fixture
from support.kernel_fixtures import play_two_vllms, serve_two_vllms  # noqa: F401 - fixtures


@pytest.fixture
def servers(two_vllms):
    """The two, answering well and having forgotten the past."""
    return two_vllms


@pytest.fixture
def endpoints(servers):
    """The settings that name them: `vllm` and `big`."""
    first, second = servers
    return {"vllm_endpoint": f"{first.url}/v1,big={second.url}/v1"}
