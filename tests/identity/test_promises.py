"""Who is told what, when, and in which thread, also at the end and from finalisers."""

from __future__ import annotations

import asyncio
import gc
import threading
import time

from support import servers
from support.patience import WAIT_S
from support.replay import ANYTHING_ELSE, ReplayServer, hangs

from venom_otel import semconv
from venom_otel.identity import asking
from venom_otel.identity.endpoint import parse
from venom_otel.identity.model import UNKNOWN, Identity, ReplyMarks

from .conftest import eventually

CONFIGURED = Identity("vllm", semconv.SOURCE_CONFIG)
OPENAI = Identity("openai", semconv.SOURCE_HOST)
NOWHERE = parse("http://127.0.0.1:1/v1")
OLLAMA_MARKS = ReplyMarks(None, None, "fp_ollama")


def test_what_is_known_is_told_from_another_thread_too(resolver):
    assert resolver.wait(parse("https://api.openai.com/v1")) == OPENAI


def test_many_wait_for_one_answer(resolver):
    with ReplayServer(servers.OLLAMA) as server:
        endpoint = parse(server.url)
        told = []
        for _ in range(100):
            resolver.when_known(endpoint, None, told.append)
        resolver.drain(WAIT_S)
        assert [identity.provider for identity in told] == ["ollama"] * 100
        assert len(server.asked) == 4


def test_a_configured_service_is_told_at_once(make_resolver):
    resolver = make_resolver({"mine": "vllm"})
    told = []
    resolver.when_known(NOWHERE, "mine", told.append)
    resolver.drain(WAIT_S)
    assert told == [CONFIGURED]


def test_the_best_guess_comes_in_time(make_resolver, monkeypatch):
    never = threading.Event()

    async def ask(*_):
        await asyncio.get_running_loop().create_future()
        never.set()

    resolver = make_resolver()
    with ReplayServer(servers.VLLM) as server:
        endpoint = parse(server.url)
        assert resolver.ask(endpoint).provider == "vllm"
        monkeypatch.setattr(asking, "ask", ask)
        resolver.observed(endpoint, OLLAMA_MARKS)
        resolver._guess_after_s = 0.2
        started = time.monotonic()
        assert resolver.wait(endpoint).provider == "vllm"
        assert time.monotonic() - started > 0.19
    assert not never.is_set()


def test_drain_waits_no_longer_than_it_may(make_resolver):
    resolver = make_resolver()
    with ReplayServer({ANYTHING_ELSE: hangs}) as server:
        told = []
        resolver.when_known(parse(server.url), None, told.append)
        resolver.drain(0.1)
        assert told == [], "it waited for the answer"
        resolver.close()
        assert told == [UNKNOWN]


def test_drain_waits_for_a_callback_that_is_running(resolver):
    running, go_on, done = threading.Event(), threading.Event(), []

    def callback(identity):
        running.set()
        go_on.wait()
        done.append(identity)

    resolver.when_known(parse("https://api.openai.com"), None, callback)
    assert running.wait(WAIT_S)
    threading.Timer(0.05, go_on.set).start()
    resolver.drain(WAIT_S)
    assert done == [OPENAI]


def test_closing_keeps_every_promise_and_stops_asking(resolver, monkeypatch):
    monkeypatch.setattr(asking, "FIRST_S", 0.0)
    with ReplayServer({ANYTHING_ELSE: hangs}) as server:
        endpoint = parse(server.url)
        told = []
        for _ in range(3):
            resolver.when_known(endpoint, None, told.append)
        eventually(lambda: len(server.asked) == 4)
        resolver.close()
        assert told == [UNKNOWN] * 3
        eventually(lambda: not server.connections)
        resolver.when_known(endpoint, None, told.append)
        resolver.when_known(parse("http://127.0.0.1:2"), None, told.append)
        resolver.when_known(parse("https://api.openai.com"), None, told.append)
        resolver.start(parse("http://127.0.0.1:3"))
        assert told == [*[UNKNOWN] * 5, OPENAI]
        assert len(server.asked) == 4
    resolver.close()


def test_closing_leaves_no_thread(make_resolver):
    with ReplayServer(servers.VLLM) as server:
        before = set(threading.enumerate())
        resolver = make_resolver()
        resolver.ask(parse(server.url))
        resolver.close()
        eventually(lambda: not [thread for thread in threading.enumerate() if thread not in before and "identity" in thread.name])


def test_closing_from_a_callback(resolver):
    closed = threading.Event()

    def callback(_):
        resolver.close()
        closed.set()

    resolver.when_known(parse("https://api.openai.com"), None, callback)
    assert closed.wait(WAIT_S)


def test_finalisers_may_call_it(resolver):
    """A stream that is garbage-collected ends its span, in whichever thread and at whichever moment that happens."""
    told = []

    class Stream:
        def __init__(self):
            self.me = self  # only the collector frees it

        def __del__(self):
            resolver.when_known(NOWHERE, None, told.append)
            resolver.observed(NOWHERE, OLLAMA_MARKS)

    threshold = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(100):
            Stream()
            resolver.when_known(NOWHERE, None, told.append)
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    resolver.drain(WAIT_S)
    assert len(told) == 200


def test_many_threads_at_once(make_resolver):
    resolver, before = make_resolver(), set(threading.enumerate())
    with ReplayServer(servers.OLLAMA) as server:
        endpoint, told = parse(server.url), []
        barrier = threading.Barrier(8)

        def work():
            barrier.wait()
            for _ in range(50):
                resolver.start(endpoint, dict)
                resolver.when_known(endpoint, None, told.append)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        resolver.drain(WAIT_S)
        assert {identity.provider for identity in told} == {"ollama"}
        assert len(told) == 400
        assert len(server.asked) == 4
        assert sum(thread.name == "venom-otel-identity" for thread in set(threading.enumerate()) - before) == 1
