"""Whole processes: forks, exits and imports."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

from support import servers
from support.replay import ANYTHING_ELSE, ReplayServer, hangs


def run(script: str, *arguments: str) -> str:
    """Run a script in a process of its own; it must end by itself, well, and saying nothing on stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_forked_child_asks_for_itself():
    """As under gunicorn's prefork: what is known stays, open questions are asked anew, promises stay with who gave them."""
    script = """
        import os, sys
        from venom_otel.identity.endpoint import parse
        from venom_otel.identity.model import ReplyMarks
        from venom_otel.identity.resolver import HttpResolver

        known, hanging, later = map(parse, sys.argv[1:])
        resolver, told = HttpResolver(), []

        def ask(endpoint):
            found = []
            resolver.when_known(endpoint, None, found.append)
            resolver.drain(10)
            return found[0].provider

        assert ask(known) == "vllm"
        resolver.when_known(hanging, None, told.append)
        assert resolver.known(hanging) is None
        for generation in range(3):
            if os.fork() == 0:
                assert resolver.known(known).provider == "vllm"
                assert resolver.known(hanging) is None or generation > 0
                resolver.drain(10)
                assert told == []
                resolver.observed(known, ReplyMarks(None, None, "fp_ollama"))  # asked again, by this process
                assert ask(known) == "vllm"
                assert ask(hanging) == "unknown"
                assert told == []
                assert ask(later) == "ollama"
            else:
                _, status = os.wait()
                assert status == 0, status
                break
        resolver.drain(10)
        if generation == 0:
            assert [identity.provider for identity in told] == ["unknown"], told
            assert ask(later) == "ollama"
        resolver.close()
        print("well")
    """
    with ReplayServer(servers.VLLM) as known, ReplayServer({ANYTHING_ELSE: hangs}) as hanging, ReplayServer(servers.OLLAMA) as later:
        assert run(script, known.url, hanging.url, later.url) == "well\n" * 4


def test_the_interpreter_exits_while_servers_and_name_servers_hang(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")  # a proxy would look the name up
    script = """
        import socket, sys, time
        from venom_otel.identity.endpoint import parse
        from venom_otel.identity.resolver import HttpResolver

        entered = []

        def getaddrinfo(*_):
            entered.append(True)
            time.sleep(300)

        socket.getaddrinfo = getaddrinfo
        resolver = HttpResolver()
        resolver.start(parse(sys.argv[1]), lambda: time.sleep(300) or {})
        resolver.start(parse("http://some.name.invalid:8000/v1"))
        while not entered:
            time.sleep(0.01)
        resolver.close() if sys.argv[2] == "close" else None
        print("well")
    """
    with ReplayServer({ANYTHING_ELSE: hangs}) as server:
        for end in ("close", "leave"):
            started = time.monotonic()
            assert run(script, server.url, end) == "well\n"
            assert time.monotonic() - started < 30


def test_importing_it_loads_no_http_client():
    script = """
        import sys
        import venom_otel.identity.resolver
        print([name for name in ("httpx", "anyio", "semantic_kernel", "pydantic") if name in sys.modules])
    """
    assert run(script) == "[]\n"
