"""Whole processes: forks, exits and imports."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from support import servers
from support.patience import WAIT_S
from support.replay import ANYTHING_ELSE, ReplayServer, hangs


def run(script: str, *arguments: str) -> str:
    """Run a script in a process of its own; it must end by itself, well, and saying nothing on stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_forked_child_asks_for_itself():
    """As under gunicorn's prefork: what is known stays, open questions are asked anew, promises stay with who gave them."""
    script = """
        import os, sys, time
        from venom_otel.identity import asking
        from venom_otel.identity.endpoint import parse
        from venom_otel.identity.model import ReplyMarks
        from venom_otel.identity.resolver import HttpResolver

        known, hanging, later = map(parse, sys.argv[1:])
        asking.FIRST_S, really_ask, in_child = 60, asking.ask, False
        resolver, told = HttpResolver(guess_after_s=80), []

        def ask_for_long(endpoint, headers):  # the machine may stand still for a while
            asking.LIMIT_S = 0.2 if endpoint == hanging and in_child else 60
            return really_ask(endpoint, headers)

        asking.ask = ask_for_long

        def ask(endpoint):
            found = []
            resolver.when_known(endpoint, None, found.append)
            while not found:
                time.sleep(0.01)
            return found[0].provider

        assert ask(known) == "vllm"
        resolver.when_known(hanging, None, told.append)
        assert resolver.known(hanging) is None
        for generation in range(3):
            if os.fork() == 0:
                in_child = True
                assert resolver.known(known).provider == "vllm"
                assert resolver.known(hanging) is None or generation > 0
                resolver.drain(90)
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
        if generation == 0:
            assert ask(later) == "ollama"
            resolver.close()
            assert [identity.provider for identity in told] == ["unknown"], told
        resolver.close()
        assert len(told) == (generation == 0)
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
            assert run(script, server.url, end) == "well\n"


def test_importing_it_loads_no_http_client():
    script = """
        import sys
        import venom_otel.identity.resolver
        print([name for name in ("httpx", "anyio", "semantic_kernel", "pydantic") if name in sys.modules])
    """
    assert run(script) == "[]\n"
