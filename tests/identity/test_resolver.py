"""When servers are asked and asked again, who is told what and when, and what becomes of it at the end of a process."""

from __future__ import annotations

import gc
import logging
import threading
from types import SimpleNamespace

import pytest
from support import servers
from support.patience import WAIT_S
from support.replay import ANYTHING_ELSE, Page, ReplayServer, hangs

from venom_otel import semconv
from venom_otel.identity import asking
from venom_otel.identity.endpoint import parse
from venom_otel.identity.model import UNKNOWN, Identity, ReplyMarks, Resolver
from venom_otel.identity.resolver import HttpResolver, parse_providers

from .conftest import eventually, held

CONFIGURED = Identity("vllm", semconv.SOURCE_CONFIG)
OPENAI = Identity("openai", semconv.SOURCE_HOST)
NOWHERE = parse("http://127.0.0.1:1/v1")
VLLM_MARKS = ReplyMarks("uvicorn", None, "vllm-0.32.0-75752e90")
OLLAMA_MARKS = ReplyMarks(None, None, "fp_ollama")


def test_it_is_what_the_contract_wants(resolver):
    contract: Resolver = resolver
    assert contract.configured(NOWHERE, None) is None


# -- what needs no question ----------------------------------------------------------------------------------------------------------


def test_the_order_of_proof(make_resolver):
    with ReplayServer(servers.OLLAMA) as server:
        endpoint = parse(server.url)
        resolver = make_resolver(parse_providers(f"{server.url}=vllm,special=vllm,https://api.openai.com=vllm"))
        assert resolver.known(endpoint) == CONFIGURED
        resolver.start(endpoint)
        resolver.observed(endpoint, OLLAMA_MARKS)
        assert resolver.wait(endpoint) == CONFIGURED
        assert resolver.known(parse("https://api.openai.com/v1")) == CONFIGURED
        assert server.asked == []

    plain = make_resolver({"special": "vllm"})
    assert plain.known(parse("https://api.openai.com/v1")) == OPENAI
    assert plain.known(parse("https://api.openai.com/v1"), "special") == CONFIGURED
    assert plain.known(parse("https://api.openai.com/v1"), "other") == OPENAI
    assert plain.configured(None, "special") == CONFIGURED
    assert plain.configured(None, "other") is None
    assert plain.configured(None, None) is None


def test_every_name_of_a_configured_host_will_do(make_resolver):
    aliases = "host.docker.internal=localhost"
    resolver = make_resolver({"http://localhost:8000": "vllm"}, aliases=aliases)
    for name in ("localhost", "127.0.0.1", "[::1]", "host.docker.internal"):
        assert resolver.known(parse(f"http://{name}:8000/v1", aliases)) == CONFIGURED


def test_known_hosts_start_no_thread(resolver):
    before = set(threading.enumerate())
    endpoint = parse("https://api.openai.com/v1")
    resolver.start(endpoint, dict)
    resolver.observed(endpoint, OLLAMA_MARKS)
    resolver.unreachable(endpoint)
    assert resolver.known(endpoint) == OPENAI
    assert set(threading.enumerate()) <= before


def test_a_gateways_host_is_told_with_no_provider(resolver):
    assert resolver.known(parse("https://openrouter.ai/api/v1")) == Identity(gateway="openrouter")


def test_made_up_addresses_do_not_grow_without_end(resolver, monkeypatch):
    monkeypatch.setattr("venom_otel.identity.resolver.MAX_ENDPOINTS", 2)
    for number in range(5):
        endpoint = parse(f"https://{number}.api.openai.com/v1")
        assert resolver.known(endpoint) == OPENAI
    late = parse("http://127.0.0.1:1/late")
    resolver.start(late)
    assert resolver.known(late) == UNKNOWN
    assert resolver.wait(late) == UNKNOWN
    assert len(resolver._known) == 2
    assert resolver._asked == {}


@pytest.fixture
def time_stands_still(monkeypatch):
    """For resolvers, until a test moves it."""
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr("venom_otel.identity.resolver.time", clock)
    return clock


# -- once per endpoint, and again ----------------------------------------------------------------------------------------------------


def test_a_server_is_asked_once(resolver):
    with ReplayServer(servers.VLLM) as server:
        endpoint = parse(server.url)
        resolver.ask(endpoint)
        for _ in range(3):
            resolver.start(endpoint, dict)
            resolver.observed(endpoint, VLLM_MARKS)
            assert resolver.ask(endpoint).provider == "vllm"
        assert len(server.asked) == 4


def test_nothing_is_known_until_it_is_answered(resolver):
    with ReplayServer({ANYTHING_ELSE: hangs}) as server:
        endpoint = parse(server.url)
        assert resolver.known(endpoint) is None
        resolver.start(endpoint)
        assert resolver.known(endpoint) is None


def test_servers_are_asked_again_in_time(make_resolver):
    resolver = make_resolver(recheck_s=0.05)
    with ReplayServer(servers.VLLM) as server:
        endpoint = parse(server.url)
        assert resolver.ask(endpoint).provider == "vllm"
        server.pages = servers.OLLAMA
        eventually(lambda: resolver.known(endpoint).provider == "ollama")


def test_a_server_that_says_nothing_keeps_its_name(resolver, monkeypatch):
    """Errors, refusals and silence are answers, but no reason to forget a better one."""
    monkeypatch.setattr("venom_otel.identity.asked.DOUBT_PAUSE_S", 0)
    with ReplayServer(servers.VLLM) as server:
        endpoint = parse(server.url)
        assert resolver.ask(endpoint).provider == "vllm"
        too_many, silent = {ANYTHING_ELSE: Page("429 Too Many Requests")}, {**servers.GENERIC, "/": hangs}
        for number, pages in enumerate((servers.ALL_FAILING, servers.ALL_REFUSED, too_many, silent)):
            server.pages, asked = pages, len(server.asked)
            with monkeypatch.context() as now:
                if pages is silent:
                    now.setattr(asking, "LIMIT_S", 0.5)
                resolver.observed(endpoint, ReplyMarks(f"odd {number}"))
                assert resolver.wait(endpoint).provider == "vllm"
            assert len(server.asked) > asked
        server.pages = servers.GENERIC
        resolver.observed(endpoint, ReplyMarks("odd again"))
        assert resolver.wait(endpoint) == UNKNOWN


@pytest.mark.parametrize("refusal", ["401 Unauthorized", "403 Forbidden", "500 Internal Server Error", "503 Service Unavailable"])
def test_refusals_and_errors_are_answers(resolver, refusal):
    with ReplayServer({ANYTHING_ELSE: Page(refusal)}) as server:
        endpoint = parse(server.url)
        assert resolver.ask(endpoint) == UNKNOWN
        resolver.observed(endpoint, ReplyMarks())
        assert resolver.known(endpoint) == UNKNOWN


def test_a_server_that_comes_up_late_is_asked_with_its_first_reply(resolver, kept):
    endpoint, go = parse(f"http://127.0.0.1:{kept}/v1"), threading.Event()
    assert resolver.ask(endpoint) == UNKNOWN
    resolver.unreachable(endpoint)
    assert resolver.known(endpoint) == UNKNOWN
    with ReplayServer(held(servers.OLLAMA, go), kept):
        resolver.observed(endpoint, OLLAMA_MARKS)
        assert resolver.known(endpoint) is None
        go.set()
        assert resolver.wait(endpoint).provider == "ollama"


def test_another_server_in_the_place_of_a_dead_one(resolver, kept):
    with ReplayServer(servers.VLLM, kept) as server:
        endpoint = parse(server.url)
        assert resolver.ask(endpoint).provider == "vllm"
    resolver.unreachable(endpoint)
    assert resolver.known(endpoint).provider == "vllm"  # that is who cannot be reached
    with ReplayServer(servers.LLAMA_CPP_PYTHON, kept):
        resolver.observed(endpoint, ReplyMarks("uvicorn"))
        assert resolver.wait(endpoint).provider == "llamacpp"


def test_a_server_that_dies_while_asked_is_asked_again(resolver, kept):
    with ReplayServer(servers.VLLM | {"/v1/models": hangs}, kept) as server:
        endpoint = parse(server.url)
        resolver.start(endpoint)
        eventually(lambda: "/v1/models" in server.paths)
    assert resolver.wait(endpoint) == UNKNOWN
    resolver.unreachable(endpoint)
    with ReplayServer(servers.VLLM, kept):
        resolver.observed(endpoint, VLLM_MARKS)
        assert resolver.wait(endpoint).provider == "vllm"


def test_marks_that_disagree_have_the_server_asked_again(resolver):
    with ReplayServer(servers.VLLM) as server:
        endpoint = parse(server.url)
        assert resolver.ask(endpoint).provider == "vllm"
        resolver.observed(endpoint, VLLM_MARKS)
        assert resolver.known(endpoint).provider == "vllm"
        go = threading.Event()
        server.pages = held(servers.OLLAMA, go)
        resolver.observed(endpoint, OLLAMA_MARKS)
        assert resolver.known(endpoint) is None
        go.set()
        assert resolver.wait(endpoint).provider == "ollama"


def test_marks_that_stay_odd_are_asked_about_once(resolver):
    with ReplayServer(servers.VLLM) as server:
        endpoint = parse(server.url)
        resolver.ask(endpoint)
        for _ in range(5):
            resolver.observed(endpoint, ReplyMarks("nginx"))
            assert resolver.wait(endpoint).provider == "vllm"
        assert len(server.asked) == 8


def test_servers_that_take_turns_are_not_asked_at_every_reply(resolver, time_stands_still):
    with ReplayServer(servers.VLLM) as server:
        endpoint = parse(server.url)
        resolver.ask(endpoint)
        for number in range(50):
            resolver.observed(endpoint, ReplyMarks(f"server {number}"))
            assert resolver.wait(endpoint).provider == "vllm"
        assert len(server.asked) == 8
        time_stands_still.now += 2.1
        resolver.observed(endpoint, ReplyMarks("server 50"))
        assert resolver.wait(endpoint).provider == "vllm"
        assert len(server.asked) == 12


def test_a_server_only_calls_can_reach_is_asked_ever_more_rarely(resolver, time_stands_still, monkeypatch):
    asked = []

    async def ask(endpoint, _):
        asked.append(endpoint)
        return asking.Answer()

    monkeypatch.setattr(asking, "ask", ask)
    assert resolver.ask(NOWHERE) == UNKNOWN
    for _ in range(50):
        resolver.observed(NOWHERE, OLLAMA_MARKS)
        assert resolver.wait(NOWHERE) == UNKNOWN
    assert len(asked) == 2
    for pause_s, known in ((1.1, 3), (1.1, 3), (1.1, 4)):
        time_stands_still.now += pause_s
        resolver.observed(NOWHERE, OLLAMA_MARKS)
        assert resolver.wait(NOWHERE) == UNKNOWN
        assert len(asked) == known


# -- when something goes wrong inside ------------------------------------------------------------------------------------------------


def test_a_mistake_of_ours_is_logged_once_and_costs_nothing(resolver, monkeypatch, caplog):
    monkeypatch.setenv("VENOM_OTEL_RAISE_INTERNAL_ERRORS", "0")
    monkeypatch.setattr("venom_otel.identity.background._last_report", {})

    async def ask(*_):
        raise LookupError("broken")

    monkeypatch.setattr(asking, "ask", ask)
    with caplog.at_level(logging.WARNING):
        for port in range(3):
            assert resolver.ask(parse(f"http://127.0.0.1:{port + 1}")) == UNKNOWN
    assert [record.name for record in caplog.records] == ["venom_otel"]


def test_a_callback_that_raises_stops_nobody(resolver, monkeypatch, caplog):
    monkeypatch.setenv("VENOM_OTEL_RAISE_INTERNAL_ERRORS", "0")
    monkeypatch.setattr("venom_otel.identity.background._last_report", {})
    told = []

    def fail(_):
        raise LookupError("broken")

    for callback in (fail, told.append, fail, told.append):
        resolver.when_known(NOWHERE, None, callback)
    resolver.drain(WAIT_S)
    assert told == [UNKNOWN] * 2
    assert len(caplog.records) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_under_tests_a_mistake_of_ours_is_seen(resolver, monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))

    def fail(_):
        raise LookupError("broken")

    resolver.when_known(NOWHERE, None, fail)
    resolver.drain(WAIT_S)
    assert seen == [LookupError]


def test_no_thread_to_be_had(resolver, monkeypatch, caplog):
    monkeypatch.setenv("VENOM_OTEL_RAISE_INTERNAL_ERRORS", "0")
    monkeypatch.setattr("venom_otel.identity.background._last_report", {})

    def start(_):
        raise RuntimeError("can't start new thread")

    told = []
    with monkeypatch.context() as context:
        context.setattr(threading.Thread, "start", start)
        resolver.start(NOWHERE)
        resolver.when_known(NOWHERE, None, told.append)
    assert told == [UNKNOWN]
    assert len(caplog.records) == 1
    resolver.when_known(NOWHERE, None, told.append)
    resolver.drain(WAIT_S)
    assert told == [UNKNOWN] * 2


def test_dropping_a_resolver_that_was_closed_frees_it():
    import weakref

    resolver = HttpResolver()
    resolver.start(NOWHERE)
    resolver.close()
    gone = weakref.ref(resolver)
    del resolver

    def is_gone():  # once the threads that it had are gone, too
        gc.collect()
        return gone() is None

    eventually(is_gone)
