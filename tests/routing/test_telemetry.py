"""What a routed call sends, whole: its own span, one CLIENT span for each attempt, the counter; and nothing twice."""

import asyncio
from dataclasses import replace

import pytest
from opentelemetry.sdk.metrics import MeterProvider, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from semantic_kernel import Kernel
from support import behaviours, dialects, expected, routing
from support.app import MODELS, OLLAMA, OPENAI, PROVIDERS, flushed, history, settings_for, watch
from support.cases import ALL_CHUNKS
from support.cell import _true_cause, without_http_stacks
from support.chat_server import WAIT_S
from support.expected import Failed, Trip
from support.routing import Routed, services_for

import venom_otel
from venom_otel.routing import CircuitBreaker
from venom_otel.store import mapping
from venom_otel.testing import Capture

REFUSALS = {
    "404 model": (dialects.MODEL_MISSING, "model_not_found"),
    "404 path": (dialects.PATH_MISSING, "wrong_path"),
    "429": (dialects.RATE_LIMITED, "rate_limited"),
    "500": (dialects.FAILED, "server_error"),
    "503": (dialects.BUSY, "overloaded"),
    "503 loading": (dialects.LOADING, "loading"),
}

orders = pytest.mark.parametrize("order", [(OLLAMA, OPENAI), (OPENAI, OLLAMA)], ids="-".join)
modes = pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])


async def ask(service, seen, *, stream, connector=OPENAI):
    settings = settings_for(connector)
    if stream:
        async for chunk in service.get_streaming_chat_message_contents(history(), settings):
            seen.take(chunk)
            seen.look()
    else:
        seen.take(await service.get_chat_message_contents(history(), settings))


def good(connector, url, *, stream):
    """An attempt that went well."""
    trip = Trip(connector, stream, url, PROVIDERS[connector], "server", MODELS[connector])
    return replace(trip, chunks=ALL_CHUNKS[connector]) if stream else trip


def bad(connector, url, *, stream, failed, exception, **more):
    """An attempt that failed before anything came."""
    lacking = {"named": False, "usage": False, "finish": None, "http": (failed.status,)}
    identity = {} if "provider" not in more else {"source": "unknown"}
    trip = replace(good(connector, url, stream=stream), chunks=0, outcome="error", failed=failed, exception=exception)
    return replace(trip, **{**lacking, **identity, **more})


async def until(condition):
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - another thread changes it
            await asyncio.sleep(0.01)


async def recorded(order, urls, act, capture, *, known=False, **options):
    """Run an application's work against a fresh routed service, where wanted once it is known who is behind it; gives what it saw."""
    async with services_for({connector: urls[connector] for connector in order}) as services:
        service = venom_otel.fallback(services, **options)
        with venom_otel.instrument(**capture.telemetry) as handle:
            if known:
                recorder = handle._scope.recorder
                await until(lambda: all(recorder.provider_of(asked) for asked in service.routed_services))
            seen = await watch(lambda seen: act(service, seen))
            await flushed(handle)
    return seen


async def exception_of(connector, url, *, stream):
    """The true cause's class and words of what a bare service raises."""
    async with services_for({connector: url}) as [service]:
        return _true_cause(await watch(lambda seen: ask(service, seen, stream=stream)))


@modes
@orders
@pytest.mark.parametrize("refusal", REFUSALS)
async def test_the_second_answers_where_the_first_refuses(refusal, order, stream, servers, urls, capture):
    first, second = order
    error, kind = REFUSALS[refusal]
    servers[first].play(behaviours.refuses(error))
    exception = await exception_of(first, urls[first], stream=stream)
    seen = await recorded(order, urls, lambda service, seen: ask(service, seen, stream=stream), capture)
    assert seen.error == []
    call = Routed(
        (
            bad(first, urls[first], stream=stream, failed=Failed(kind, str(error.status), error.status), exception=exception),
            good(second, urls[second], stream=stream),
        ),
        MODELS[first],
        stream,
        reason=kind,
        chosen=PROVIDERS[second],
    )
    assert without_http_stacks(capture.span_dicts()) == routing.spans(call)
    sent = capture.metrics()
    assert {name: sent[name] for name in sent if name.startswith("gen_ai.")} == routing.metrics(call)
    assert routing.fallbacks(capture) == {(PROVIDERS[first], PROVIDERS[second], str(error.status)): 1}
    assert capture.logs() == routing.logs(call)


@modes
@orders
async def test_the_first_answers(order, stream, servers, urls, capture):
    first, second = order
    seen = await recorded(order, urls, lambda service, seen: ask(service, seen, stream=stream), capture)
    assert seen.error == []
    call = Routed((good(first, urls[first], stream=stream),), MODELS[first], stream, chosen=PROVIDERS[first], fallback=False)
    assert capture.span_dicts() == routing.spans(call)
    assert routing.fallbacks(capture) == {}
    assert servers[second].requests == []


@orders
async def test_a_calls_answer_that_broke_off(order, servers, urls, capture):
    """The application has seen nothing of it, so that another may answer."""
    first, second = order
    servers[first].play(behaviours.breaks())
    seen = await recorded(order, urls, lambda service, seen: ask(service, seen, stream=False), capture)
    assert seen.error == []
    route, *attempts = [span["attributes"] for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    assert [attempt.get("llm.error.kind") for attempt in attempts] == ["broken_stream", None]
    assert (route["llm.route.reason"], route["llm.route.chosen"]) == ("broken_stream", PROVIDERS[second])


@modes
async def test_nothing_listens_at_the_first(stream, urls, closed_port, capture):
    urls = {**urls, OLLAMA: closed_port.url}
    exception = await exception_of(OLLAMA, closed_port.url, stream=stream)
    seen = await recorded((OLLAMA, OPENAI), urls, lambda service, seen: ask(service, seen, stream=stream), capture)
    assert seen.error == []
    refused = bad(
        OLLAMA,
        urls[OLLAMA],
        stream=stream,
        failed=Failed("not_reached", "connection_error"),
        exception=exception,
        provider="unknown",
        http=(("ConnectError", "All connection attempts failed"),),
    )
    call = Routed((refused, good(OPENAI, urls[OPENAI], stream=stream)), MODELS[OLLAMA], stream, reason="not_reached", chosen="vllm")
    assert without_http_stacks(capture.span_dicts()) == routing.spans(call)
    assert routing.fallbacks(capture) == {("unknown", "vllm", "connection_error"): 1}


@modes
async def test_nobody_answers(stream, servers, urls, capture):
    servers[OLLAMA].play(behaviours.refuses(dialects.BUSY))
    servers[OPENAI].play(behaviours.refuses(dialects.FAILED))
    exceptions = [await exception_of(connector, urls[connector], stream=stream) for connector in (OLLAMA, OPENAI)]
    seen = await recorded((OLLAMA, OPENAI), urls, lambda service, seen: ask(service, seen, stream=stream), capture)
    assert seen.error
    failures = [Failed("overloaded", "503", 503), Failed("server_error", "500", 500)]
    call = Routed(
        tuple(
            bad(connector, urls[connector], stream=stream, failed=failed, exception=exception)
            for connector, failed, exception in zip((OLLAMA, OPENAI), failures, exceptions, strict=True)
        ),
        MODELS[OLLAMA],
        stream,
        outcome="error",
        reason="overloaded",
        failed=failures[1],
        words=exceptions[1][1],
    )
    assert capture.span_dicts() == routing.spans(call)
    assert routing.fallbacks(capture) == {("ollama", "vllm", "503"): 1}
    # Each is made once it is known who its server is, of whichever that is first.
    assert sorted(capture.logs(), key=lambda record: record["span"]) == routing.logs(call)


@modes
async def test_a_refusal_that_no_other_server_would_take_back(stream, servers, urls, capture):
    servers[OLLAMA].play(behaviours.refuses(dialects.UNAUTHORISED))
    exception = await exception_of(OLLAMA, urls[OLLAMA], stream=stream)
    failed = Failed("auth", "401", 401)
    seen = await recorded((OLLAMA, OPENAI), urls, lambda service, seen: ask(service, seen, stream=stream), capture)
    assert seen.error
    call = Routed(
        (bad(OLLAMA, urls[OLLAMA], stream=stream, failed=failed, exception=exception),),
        MODELS[OLLAMA],
        stream,
        outcome="error",
        failed=failed,
        words=exception[1],
        fallback=False,
    )
    assert capture.span_dicts() == routing.spans(call)
    assert servers[OPENAI].requests == []


async def test_a_server_known_to_be_down_is_passed_over_and_counted(servers, urls, capture):
    servers[OLLAMA].play(behaviours.refuses(dialects.LOADING))

    async def act(service, seen):
        await ask(service, seen, stream=False)
        await ask(service, seen, stream=True)

    seen = await recorded((OLLAMA, OPENAI), urls, act, capture, known=True, availability=CircuitBreaker(clock=lambda: 1000.0))
    assert seen.error == []
    assert len(servers[OLLAMA].requests) == 1
    routes = [span["attributes"] for span in capture.span_dicts() if span["name"].startswith("route")]
    assert [(route["llm.route.attempts"], route["llm.route.fallback"], route["llm.route.reason"]) for route in routes] == [
        (2, True, "loading"),
        (1, True, "loading"),
    ]
    assert routing.fallbacks(capture) == {("ollama", "vllm", "503"): 2}


async def test_known_pairs_begin_at_zero(urls, capture):
    async def act(service, seen):
        await ask(service, seen, stream=False)

    await recorded((OLLAMA, OPENAI), urls, act, capture)
    metric = capture.metrics()["llm.fallbacks"]
    assert (metric["unit"], metric["scope"], metric["schema_url"]) == ("{fallback}", "venom_otel", expected.SCHEMA)
    assert [(point["attributes"], point["value"]) for point in metric["points"]] == [
        ({"llm.route.from": "ollama", "llm.route.to": "vllm", "error.type": kind}, 0)
        for kind in ("404", "429", "500", "503", "connection_error", "timeout")
    ]


async def test_the_counters_points_lead_to_the_routed_calls_span(servers, urls, capture):
    reader = InMemoryMetricReader()
    meter_provider = MeterProvider([reader], exemplar_filter=TraceBasedExemplarFilter(), shutdown_on_exit=False)
    servers[OLLAMA].play(behaviours.refuses(dialects.FAILED))
    async with services_for(urls) as services:
        with venom_otel.instrument(**{**capture.telemetry, "meter_provider": meter_provider}) as handle:
            await venom_otel.fallback(services).get_chat_message_contents(history(), settings_for(OPENAI))
            await flushed(handle)
    [scope] = [one for one in reader.get_metrics_data().resource_metrics[0].scope_metrics if one.scope.name == "venom_otel"]
    [counter] = [metric for metric in scope.metrics if metric.name == "llm.fallbacks"]
    [route] = [span for span in capture.spans() if span.name.startswith("route")]
    assert {exemplar.span_id for point in counter.data.data_points for exemplar in point.exemplars} == {route.context.span_id}
    meter_provider.shutdown()


async def test_a_routed_call_is_no_request_beside_its_attempts(servers, urls, capture):
    """The history is made of what the store takes for requests; a call that was answered at once is one of them."""
    await recorded((OLLAMA, OPENAI), urls, lambda service, seen: ask(service, seen, stream=False), capture)
    kinds = {"INTERNAL": mapping.KIND_INTERNAL, "CLIENT": mapping.KIND_CLIENT}
    requests = [span["name"] for span in capture.span_dicts() if mapping.is_request(kinds[span["kind"]], span["attributes"])]
    assert requests == [f"chat {MODELS[OLLAMA]}"]


async def test_only_the_kernel_that_was_instrumented(servers, urls, capture):
    """Its routed service and the services below it; one that is not in it is not recorded."""
    servers[OLLAMA].play(behaviours.refuses(dialects.FAILED))
    async with services_for(urls, retries=2) as services:
        ours, other = venom_otel.fallback(services), venom_otel.fallback(services)
        with venom_otel.instrument(Kernel(services=[ours]), **capture.telemetry) as handle:
            await other.get_chat_message_contents(history(), settings_for(OPENAI))
            assert capture.spans() == []
            await ours.get_chat_message_contents(history(), settings_for(OPENAI))
            await flushed(handle)
        await ours.get_chat_message_contents(history(), settings_for(OPENAI))
    assert capture.tree() == [
        (f"route {MODELS[OLLAMA]}", [(f"chat {MODELS[OLLAMA]}", [("POST", [])]), (f"chat {MODELS[OPENAI]}", [("POST", [])])])
    ]


async def test_servers_are_asked_who_they_are_before_the_first_call(urls, capture):
    async with services_for(urls) as services:
        with venom_otel.instrument(Kernel(services=[venom_otel.fallback(services)]), **capture.telemetry) as handle:
            recorder = handle._scope.recorder
            await until(lambda: [recorder.provider_of(service) for service in services] == ["ollama", "vllm"])
    assert capture.spans() == []


async def test_a_routed_service_within_another(servers, urls, capture):
    servers[OLLAMA].play(behaviours.refuses(dialects.FAILED))
    async with services_for(urls) as [ollama, vllm]:
        inner = venom_otel.fallback([ollama], service_id="inner")
        outer = venom_otel.fallback([inner, vllm], service_id="outer")
        with venom_otel.instrument(**capture.telemetry) as handle:
            await outer.get_chat_message_contents(history(), settings_for(OPENAI))
            await flushed(handle)
    route, chat = f"route {MODELS[OLLAMA]}", f"chat {MODELS[OLLAMA]}"
    assert capture.tree() == [(route, [(route, [(chat, [("POST", [])])]), (f"chat {MODELS[OPENAI]}", [("POST", [])])])]
    [outer_span, inner_span] = [span["attributes"] for span in capture.span_dicts() if span["name"] == route]
    assert (outer_span["llm.route.chosen"], outer_span["llm.route.attempts"], outer_span["llm.route.reason"]) == ("vllm", 2, "server_error")
    assert (inner_span["llm.route.attempt"], inner_span["llm.error.kind"]) == (1, "server_error")
    assert routing.fallbacks(capture) == {("ollama", "vllm", "500"): 1}


@modes
async def test_what_a_routed_service_within_another_asks_is_in_the_place_of_the_first(stream, servers, urls, capture):
    servers[OLLAMA].play(behaviours.refuses(dialects.FAILED))
    async with services_for(urls) as [ollama, vllm]:
        inner = venom_otel.fallback([vllm], service_id="inner")
        outer = venom_otel.fallback([ollama, inner], service_id="outer")
        with venom_otel.instrument(**capture.telemetry) as handle:
            await watch(lambda seen: ask(outer, seen, stream=stream))
            await flushed(handle)
    spans = [(span["name"].split()[0], span["attributes"]) for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    assert [(name, found.get("llm.route.attempt"), found["llm.route.fallback"]) for name, found in spans] == [
        ("route", None, True),
        ("chat", 1, False),
        ("route", 2, True),
        ("chat", 1, True),
    ]
    assert "llm.route.reason" not in spans[2][1], "it has asked its own first"
    assert routing.fallbacks(capture) == {("ollama", "vllm", "500"): 1}


def gave_way(capture, *endpoints):
    """Of each attempt, in the order of its server, as its span and as the point of its duration say it."""
    spans = [span["attributes"] for span in capture.span_dicts() if span["name"].startswith("chat ")]
    points = [point["attributes"] for point in capture.metrics()["gen_ai.client.operation.duration"]["points"]]
    found = [
        {endpoints.index(one["llm.endpoint"].removesuffix("/v1")): one.get("llm.route.gave_way") for one in said}
        for said in (spans, points)
    ]
    assert found[0] == found[1]
    return [found[0][number] for number in sorted(found[0])]


@modes
@pytest.mark.parametrize(
    ("failing", "expected"), [(0, [None]), (1, [True, None]), (2, [True, True, None]), (3, [True, True, False])], ids=str
)
@pytest.mark.parametrize("inner", [(), (0, 1), (1, 2), (0,), (2,)], ids=str)
async def test_who_of_three_gave_way(stream, inner, failing, expected, servers, two_vllms, capture):
    """Whoever failed and was followed by another, wherever in the order; some of the three may be those of a routed service in the list."""
    three = [servers[OLLAMA], *two_vllms]
    for server in three[:failing]:
        server.play(behaviours.refuses(dialects.FAILED))
    async with services_for({OLLAMA: three[0].url, OPENAI: three[1].url}) as two, services_for({OPENAI: three[2].url}) as [last]:
        chain = [*two, last]
        if inner:
            chain[inner[0] : inner[-1] + 1] = [venom_otel.fallback([chain[number] for number in inner], service_id="inner")]
        with venom_otel.instrument(**capture.telemetry) as handle:
            await watch(lambda seen: ask(venom_otel.fallback(chain), seen, stream=stream))
            await flushed(handle)
    assert gave_way(capture, *(server.url for server in three)) == expected


async def test_a_nested_call_says_from_its_start_whether_it_is_in_anothers_place(servers, urls, capture):
    """Samplers see no more than that."""
    started = []

    class Sees(Sampler):
        def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):
            started.append((name.split()[0], (attributes or {}).get("llm.route.fallback")))
            return SamplingResult(Decision.DROP)

        def get_description(self):
            return "sees"

    servers[OLLAMA].play(behaviours.refuses(dialects.FAILED))
    async with services_for(urls) as [ollama, vllm]:
        outer = venom_otel.fallback([ollama, venom_otel.fallback([vllm], service_id="inner")])
        with venom_otel.instrument(**{**capture.telemetry, "tracer_provider": TracerProvider(Sees(), shutdown_on_exit=False)}) as handle:
            await outer.get_chat_message_contents(history(), settings_for(OPENAI))
            await flushed(handle)
    assert [found for found in started if found[0] != "POST"] == [("route", None), ("chat", False), ("route", True), ("chat", True)]


async def test_log_records_of_a_routed_call_carry_its_trace(servers, urls, caplog):
    servers[OLLAMA].play(behaviours.refuses(dialects.FAILED))
    caplog.set_level("INFO")
    capture = Capture()
    await recorded((OLLAMA, OPENAI), urls, lambda service, seen: ask(service, seen, stream=False), capture, known=True)
    capture.close()
    [said] = [record for record in caplog.records if record.name == "venom_otel.routing"]
    assert said.getMessage() == (f"asking vl (gemma-3 at {urls[OPENAI]}/v1) instead of ol: server_error")
    [route] = [span for span in capture.span_dicts() if span["name"].startswith("route")]
    assert (said.trace_id, said.span_id, said.llm_provider) == (f"{route['trace']:032x}", f"{route['id']:016x}", "ollama")
    outcomes = [(record.llm_provider, record.llm_outcome) for record in caplog.records if record.name == "venom_otel.requests"]
    assert outcomes == [("ollama", "error"), ("vllm", "ok")]
