"""What the application sees where nobody answers: the last service's own error, told by a note, and never a key."""

import asyncio
import contextlib
import gc
import weakref

import openai
import pytest
from ollama import ResponseError
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.exceptions import KernelInvokeException, ServiceInvalidExecutionSettingsError, ServiceResponseException
from support import behaviours, dialects
from support.app import OLLAMA, OPENAI, history, settings_for
from support.chat_server import WAIT_S
from support.custom import Parrot
from support.drive import Clock
from support.routing import services_for

import venom_otel
from venom_otel.errors import SettingsError
from venom_otel.routing import AttemptTimeoutError, CircuitBreaker, Failed, Policy, Target
from venom_otel.testing import Capture

modes = pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])


async def ask(service, settings=None, *, stream=False, kernel=None):
    settings = settings or settings_for(OPENAI)
    if not stream:
        return await service.get_chat_message_contents(history(), settings, kernel=kernel)
    return [chunk async for chunk in service.get_streaming_chat_message_contents(history(), settings, kernel=kernel)]


@modes
async def test_the_last_services_own_error_with_a_note_of_all(stream, servers, urls):
    servers[OLLAMA].play(behaviours.refuses(dialects.MODEL_MISSING))
    servers[OPENAI].play(behaviours.refuses(dialects.FAILED))
    async with services_for(urls) as services:
        with pytest.raises(ServiceResponseException) as raised:
            await ask(venom_otel.fallback(services), stream=stream)
    assert isinstance(raised.value.__cause__, openai.InternalServerError)
    [note] = raised.value.__notes__
    said = "EngineCore encountered an issue. See stack trace (above) for the root cause."
    assert note == (
        "Asked 2 of 2 services:\n"
        f"  1. ol (gemma3:tiny at {urls[OLLAMA]}): model_not_found: model 'no-such-model' not found\n"
        f"  2. vl (gemma-3 at {urls[OPENAI]}/v1): server_error: {said}"
    )


@modes
async def test_a_bare_error_stays_bare(stream, servers, urls):
    """Ollama's connector wraps nothing, so that `except ollama.ResponseError` goes on working."""
    servers[OPENAI].play(behaviours.refuses(dialects.FAILED))
    servers[OLLAMA].play(behaviours.refuses(dialects.BUSY))
    async with services_for({OPENAI: urls[OPENAI], OLLAMA: urls[OLLAMA]}) as services:
        with pytest.raises(ResponseError, match="server busy") as raised:
            await ask(venom_otel.fallback(services), stream=stream)
    assert raised.value.status_code == 503
    assert len(raised.value.__notes__) == 1


async def test_an_error_that_is_alone_has_no_note(servers, urls):
    servers[OLLAMA].play(behaviours.refuses(dialects.UNAUTHORISED))
    async with services_for(urls) as services:
        with pytest.raises(ResponseError) as raised:
            await ask(venom_otel.fallback(services))
    assert not hasattr(raised.value, "__notes__")
    assert servers[OPENAI].requests == []


async def test_an_error_that_ends_it_halfway_tells_of_those_before(servers, urls):
    servers[OLLAMA].play(behaviours.refuses(dialects.FAILED))
    servers[OPENAI].play(behaviours.refuses(dialects.UNAUTHORISED))
    async with services_for(urls) as services:
        with pytest.raises(ServiceResponseException) as raised:
            await ask(venom_otel.fallback([*services, services[0]]))
    [note] = raised.value.__notes__
    assert note.splitlines()[0] == "Asked 2 of 3 services:"
    assert [line.split(": ")[1] for line in note.splitlines()[1:]] == ["server_error", "auth"]


async def test_a_note_tells_of_those_that_were_passed_over(servers, urls):
    servers[OPENAI].play(behaviours.refuses(dialects.FAILED))
    breaker = CircuitBreaker(clock=lambda: 1000.0)
    async with services_for(urls) as services:
        service = venom_otel.fallback(services, availability=breaker)
        target = service._members[0].target(settings_for(OLLAMA))
        assert target == Target(target.server, "ol", "gemma3:tiny")
        breaker.failed(target, Failed("loading", "503"))
        with pytest.raises(ServiceResponseException) as raised:
            await ask(service)
    assert raised.value.__notes__[0].splitlines()[:2] == [
        "Asked 1 of 2 services:",
        f"  1. ol (gemma3:tiny at {urls[OLLAMA]}): passed over, known for loading",
    ]
    assert servers[OLLAMA].requests == []


async def test_through_the_kernel(servers, urls):
    for server in servers.values():
        server.play(behaviours.refuses(dialects.BUSY))
    async with services_for(urls) as services:
        with pytest.raises(KernelInvokeException) as raised:
            await Kernel(services=[venom_otel.fallback(services)]).invoke_prompt("hello")
    error = raised.value
    while not hasattr(error, "__notes__"):
        error = error.__cause__
    assert error.__notes__[0].startswith("Asked 2 of 2 services:")


@pytest.mark.parametrize("recorded", [False, True], ids=["bare", "recorded"])
async def test_no_key_is_told(recorded, servers, urls):
    """A server's words repeat what it was sent: the client's key, one in a header and one in the body."""
    secret = "sk-very-secret-0123456789"

    async def repeats(exchange):
        words = f"Incorrect: {exchange.request.headers.get('authorization')} {exchange.request.body.get('token', '')}"
        await exchange.reply(500, {"error": {"message": words}})

    for server in servers.values():
        server.play(repeats)
    capture = Capture()
    client = openai.AsyncOpenAI(api_key=secret, base_url=f"{urls[OPENAI]}/v1", max_retries=0)
    services = [OpenAIChatCompletion(ai_model_id="m", service_id=name, async_client=client) for name in ("a", "b")]
    service = venom_otel.fallback(services)
    settings = settings_for(OPENAI, extra_body={"token": "tok-also-secret-99"})
    handle = venom_otel.instrument(**capture.telemetry) if recorded else contextlib.nullcontext()
    async with client:
        with handle, pytest.raises(ServiceResponseException) as raised:
            await ask(service, settings)
    [note] = raised.value.__notes__
    assert "Incorrect" in note
    told = note + str(capture.span_dicts()) + str(capture.logs())
    assert secret not in told
    assert "tok-also-secret-99" not in told
    capture.close()


@modes
async def test_nobody_answers_in_time(stream, servers, urls, limits_pass_when_asked):
    for server in servers.values():
        server.play(behaviours.hangs())
    async with services_for(urls) as services:
        with pytest.raises(AttemptTimeoutError) as raised:
            await ask(venom_otel.fallback(services, policy=Policy(attempt_timeout_s=0.5)), stream=stream)
        for server in servers.values():
            [request] = server.requests
            assert await asyncio.to_thread(request.closed_early.wait, WAIT_S)
    assert isinstance(raised.value, TimeoutError)
    assert isinstance(raised.value, ServiceResponseException)
    assert str(raised.value) == f"vl (gemma-3 at {urls[OPENAI]}/v1) did not answer within 0.5 s"
    assert [line.split("): ")[1].split(":")[0] for line in raised.value.__notes__[0].splitlines()[1:]] == ["timeout", "timeout"]


@modes
async def test_the_time_limit_around_another_routed_service(stream, servers, urls, limits_pass_when_asked, capture):
    """What it ends has failed by it, however far below it lies and whatever time it had itself."""
    servers[OLLAMA].play(behaviours.hangs())
    async with services_for(urls) as [ollama, vllm]:
        inner = venom_otel.fallback([ollama], service_id="inner", policy=Policy(attempt_timeout_s=60))
        outer = venom_otel.fallback([inner, vllm], policy=Policy(attempt_timeout_s=0.5))
        with venom_otel.instrument(**capture.telemetry) as handle:
            await ask(outer, stream=stream)
            await asyncio.to_thread(handle.flush, WAIT_S)
    spans = [span for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    words = "inner (gemma3:tiny) did not answer within 0.5 s"
    assert [(span["attributes"]["llm.outcome"], span["attributes"].get("llm.error.kind"), span["description"]) for span in spans] == [
        ("ok", None, None),
        ("error", "timeout", words),
        ("error", "timeout", words),
        ("ok", None, None),
    ]


async def test_the_applications_own_time_limit_is_a_cancellation(servers, urls, capture):
    servers[OLLAMA].play(behaviours.hangs())

    async def pass_when_asked(limit):
        await asyncio.to_thread(servers[OLLAMA].wait_for, 1)
        limit.reschedule(asyncio.get_running_loop().time())

    async def ask_in_time(service):
        async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as beside:
            beside.create_task(pass_when_asked(limit))
            await ask(service)

    async with services_for(urls) as services:
        with venom_otel.instrument(**capture.telemetry) as handle:
            with pytest.raises(TimeoutError) as raised:
                await ask_in_time(venom_otel.fallback(services, policy=Policy(attempt_timeout_s=WAIT_S)))
            await asyncio.to_thread(handle.flush, WAIT_S)
    assert type(raised.value) is TimeoutError
    assert servers[OPENAI].requests == []
    outcomes = [span["attributes"]["llm.outcome"] for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    assert outcomes == ["cancelled", "cancelled"]


async def test_a_service_that_cannot_do_what_is_asked_is_not_asked(servers, urls):
    """Semantic Kernel's Ollama connector refuses `required` functions before it sends anything."""
    servers[OPENAI].play(behaviours.answers())
    kernel = Kernel()
    kernel.add_plugin(Clock(), "clock")
    settings = settings_for(OLLAMA, function_choice_behavior=FunctionChoiceBehavior.Required(auto_invoke=False))
    async with services_for(urls) as services:
        [answer] = await ask(venom_otel.fallback(services), settings, kernel=kernel)
        assert answer.metadata["llm_service_id"] == "vl"
        with pytest.raises(ServiceInvalidExecutionSettingsError, match="does not support function choice"):
            await ask(venom_otel.fallback(services[:1]), settings, kernel=kernel)
        servers[OPENAI].play(behaviours.refuses(dialects.FAILED))
        with pytest.raises(ServiceResponseException) as raised:
            await ask(venom_otel.fallback(services), settings, kernel=kernel)
    assert servers[OLLAMA].requests == []
    assert "1. ol: not asked, as it cannot do what the settings ask for: Ollama does not support" in raised.value.__notes__[0]


@pytest.mark.parametrize("arguments", [[], [object()], ["gpt-4o"]])
def test_no_list_of_services(arguments):
    with pytest.raises(SettingsError, match="chat service"):
        venom_otel.fallback(arguments)


class Unreachable(Parrot):
    """A service whose server is gone."""

    async def _inner_get_chat_message_contents(self, chat_history, settings):
        raise ConnectionError("nobody there")

    async def _inner_get_streaming_chat_message_contents(self, chat_history, settings, function_invoke_attempt=0):
        raise ConnectionError("nobody there")
        yield


class Slow(Parrot):
    """A service that never answers."""

    async def _inner_get_chat_message_contents(self, chat_history, settings):
        await asyncio.Event().wait()

    async def _inner_get_streaming_chat_message_contents(self, chat_history, settings, function_invoke_attempt=0):
        await asyncio.Event().wait()
        yield


@pytest.mark.parametrize("recorded", [False, True], ids=["bare", "recorded"])
@modes
@pytest.mark.parametrize("story", [(Unreachable, Parrot), (Slow, Parrot), (Unreachable, Unreachable), (Slow, Slow)], ids=str)
async def test_nothing_is_held_until_a_collection(story, stream, recorded, capture):
    """The conversation, the attempts and their errors are freed as soon as the application lets go of them."""
    service = venom_otel.fallback([cls(ai_model_id="m", service_id="s") for cls in story], policy=Policy(attempt_timeout_s=0.01))
    handle = venom_otel.instrument(**capture.telemetry) if recorded else None
    asked = []

    async def once():
        conversation = history()
        asked.append(weakref.ref(conversation.messages[0]))
        try:
            if stream:
                async for _ in service.get_streaming_chat_message_contents(conversation, settings_for(OPENAI)):
                    pass
            else:
                await service.get_chat_message_contents(conversation, settings_for(OPENAI))
        except (ConnectionError, TimeoutError):
            asked.append("failed")

    await once()  # imports and caches
    asked.clear()
    gc.collect()
    gc.disable()
    try:
        await once()
        await asyncio.sleep(0)  # until its step ends, asyncio's task itself holds the cancellation by which a time limit works
        assert asked[0]() is None
        assert ("failed" in asked) == (story[1] is not Parrot)
    finally:
        gc.enable()
        if handle is not None:
            handle.uninstrument()
