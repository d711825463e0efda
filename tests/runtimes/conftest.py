"""Looking at servers on real sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from support.unhurried import LONG_S, growing, unhurried  # noqa: F401 - a fixture

from venom_otel.identity.endpoint import parse
from venom_otel.runtimes import llama_cpp_python
from venom_otel.runtimes.model import Reading, Runtime, State, Status
from venom_otel.runtimes.names import label
from venom_otel.runtimes.reading import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

VARIABLES = {"ollama": "OLLAMA_ENDPOINT", "vllm": "VLLM_ENDPOINT", "llamacpp": "LLAMACPP_ENDPOINT", "openai": "OPENAI_BASE_URL"}


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of earlier tests' servers, whose ports may be given again."""
    monkeypatch.setattr(llama_cpp_python, "_known", {})


def runtime(provider: str, url: str, key: SecretStr | None = None, *, found: bool = False) -> Runtime:
    """A server as the settings would name it."""
    named_by = None if found else VARIABLES.get(provider, "LLM_LOCAL_ENDPOINT")
    return Runtime(provider, provider, label(provider), parse(url), key, named_by)


def look(provider: str, url: str, key: SecretStr | None = None, *, deadline_s: float = LONG_S, found: bool = False) -> Reading:
    """One look, with what holds of every reading."""
    reading = asyncio.run(read(runtime(provider, url, key, found=found), deadline_s=deadline_s))
    assert (reading.state is State.READY) == (reading.reason is None) == (reading.cause is None)
    assert reading.exchanges
    assert all(exchange.verdict for exchange in reading.exchanges), reading.exchanges
    if reading.state.status is Status.ONLINE:
        assert reading.latency_s is not None
        assert reading.latency_s > 0
    else:
        assert reading.models == ()
        assert reading.requests_running is None
    return reading


def look_until(wanted: Callable[[Reading], bool], provider: str, url: str, *, deadline_s: float) -> Reading:
    """A look that something hangs in, with as little time as it needs to bring what else is wanted."""
    for limit_s in growing(deadline_s):
        reading = look(provider, url, deadline_s=limit_s)
        if wanted(reading):
            break
    return reading
