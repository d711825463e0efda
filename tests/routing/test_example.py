"""examples/fallback.py as somebody runs it: one server is down, then both."""

import asyncio
import os
import sys

import pytest
from support.app import OLLAMA, OPENAI
from support.chat_server import ClosedPort
from support.dialects import TEXT
from support.repository import ROOT

pytestmark = pytest.mark.timeout(900)  # programs that import Semantic Kernel


async def run(**environment):
    """Its exit status, what it printed, and what it said beside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "VENOM_OTEL_"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, ROOT / "examples" / "fallback.py", "hello"),
        env={**kept, "OTEL_SDK_DISABLED": "true", "MODEL": "gemma3:tiny", "SPARE_MODEL": "gemma-3", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, said = await process.communicate()
    return process.returncode, printed.decode(), said.decode()


async def test_the_spare_answers(urls, closed_port):
    where = f"{urls[OPENAI]}/v1"
    code, printed, said = await run(OLLAMA_URL=closed_port.url, SPARE_URL=where)
    assert (code, printed) == (0, f"{TEXT}\n(gemma-3 at {where})\n"), said
    assert f"asking spare (gemma-3 at {where}) instead of ollama: not_reached" in said


async def test_the_first_answers(servers, urls, closed_port):
    code, printed, said = await run(OLLAMA_URL=urls[OLLAMA], SPARE_URL=f"{closed_port.url}/v1")
    assert (code, printed) == (0, f"{TEXT}\n(gemma3:tiny at {urls[OLLAMA]})\n"), said
    assert "asking" not in said


async def test_nobody_answers(closed_port):
    other = ClosedPort()
    try:
        code, printed, said = await run(OLLAMA_URL=closed_port.url, SPARE_URL=f"{other.url}/v1")
    finally:
        other.close()
    assert (code, printed) == (1, "")
    assert said.endswith(
        "Asked 2 of 2 services:\n"
        f"  1. ollama (gemma3:tiny at {closed_port.url}): not_reached: All connection attempts failed\n"
        f"  2. spare (gemma-3 at {other.url}/v1): not_reached: Connection error.\n"
    )
