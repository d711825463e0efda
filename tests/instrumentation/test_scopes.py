"""Whose calls are recorded: one kernel's with what belongs to it, or every chat service's in the process; each call once."""

import asyncio
import copy
import gc

import pytest
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from support.app import history
from support.custom import Parrot

import venom_otel
from venom_otel.testing import Capture


def parrot(name):
    return Parrot(ai_model_id=name, service_id=name)


async def hear(service):
    settings = PromptExecutionSettings()
    [answer] = await service.get_chat_message_contents(history("hello world"), settings)
    assert answer.content == "hello world"
    words = [chunk[0].content async for chunk in service.get_streaming_chat_message_contents(history("hello world"), settings)]
    assert words == ["hello", "world"]


def names(capture):
    """The models that were asked, one for each call and stream."""
    return [span.name.removeprefix("chat ") for span in capture.spans()]


async def test_a_kernels_services(capture):
    first, second, foreign = parrot("first"), parrot("second"), parrot("foreign")
    kernel, other = Kernel(services=[first, second]), Kernel(services=[foreign])
    with venom_otel.instrument(kernel, **capture.telemetry):
        for service in (first, second, foreign, *other.services.values()):
            await hear(service)
    assert names(capture) == ["first", "first", "second", "second"]


async def test_services_added_later(capture):
    kernel = Kernel()
    with venom_otel.instrument(kernel, **capture.telemetry):
        kernel.add_service(added := parrot("added"))
        kernel.services["assigned"] = assigned = parrot("assigned")
        kernel.services |= {"merged": (merged := parrot("merged"))}
        for service in (added, assigned, merged):
            await hear(service)
    assert names(capture) == ["added"] * 2 + ["assigned"] * 2 + ["merged"] * 2


async def test_services_of_clones(capture):
    kernel = Kernel(services=[parrot("own")])
    before = kernel.clone()
    with venom_otel.instrument(kernel, **capture.telemetry):
        clone = kernel.clone()
        clone.add_service(parrot("of the clone"))
        clone.clone().add_service(deep := parrot("unreachable"))
        grandchild = clone.clone()
        grandchild.add_service(parrot("of its clone"))
        before.add_service(parrot("of an earlier clone"))
        for one in (clone.services["of the clone"], grandchild.services["of its clone"], before.services["of an earlier clone"], deep):
            await hear(one)
    # What a clone shares is recorded wherever it is used from; what is added to a clone made before belongs to nobody.
    assert names(capture) == ["of the clone"] * 2 + ["of its clone"] * 2


async def test_a_service_outlives_its_kernel(capture):
    service = parrot("kept")
    kernel = Kernel(services=[service])
    with venom_otel.instrument(kernel, **capture.telemetry):
        del kernel
        gc.collect()
        await hear(service)
    assert names(capture) == ["kept"] * 2


async def test_every_service_of_the_process(capture):
    with venom_otel.instrument(**capture.telemetry):

        class Later(Parrot):
            """A class that did not exist when everything was instrumented; inherits both methods."""

        class Louder(Parrot):
            """Another, with a method of its own above its parent's."""

            async def _inner_get_chat_message_contents(self, chat_history, settings):
                return await super()._inner_get_chat_message_contents(chat_history, settings)

        for service in (parrot("old"), Later(ai_model_id="later", service_id="later"), Louder(ai_model_id="louder", service_id="louder")):
            await hear(service)
    assert names(capture) == ["old"] * 2 + ["later"] * 2 + ["louder"] * 2
    await hear(parrot("after"))
    await hear(Louder(ai_model_id="after", service_id="after"))
    assert len(capture.spans()) == 6, "nothing is recorded after the end"


async def test_a_class_that_overrides_only_the_public_methods(capture):
    class Public(Parrot):
        async def get_chat_message_contents(self, chat_history, settings, **kwargs):
            return await super().get_chat_message_contents(chat_history, settings, **kwargs)

    with venom_otel.instrument(**capture.telemetry):
        await hear(Public(ai_model_id="public", service_id="public"))
    assert names(capture) == ["public"] * 2


async def test_twice_is_once(capture):
    service = parrot("one")
    kernel = Kernel(services=[service])
    with venom_otel.instrument(kernel, **capture.telemetry), venom_otel.instrument(kernel, **capture.telemetry):
        await hear(service)
        assert names(capture) == ["one"] * 2
        with venom_otel.instrument(**capture.telemetry):
            await hear(service)
    assert names(capture) == ["one"] * 4


async def test_closing_one_handle_keeps_what_the_other_covers(capture):
    service = parrot("one")
    kernel = Kernel(services=[service])
    first, second = venom_otel.instrument(kernel, **capture.telemetry), venom_otel.instrument(kernel, **capture.telemetry)
    first.uninstrument()
    first.uninstrument()
    await hear(service)
    assert names(capture) == ["one"] * 2
    second.uninstrument()
    await hear(service)
    assert names(capture) == ["one"] * 2


async def test_two_kernels_with_providers_of_their_own():
    left, right = Capture(), Capture()
    a, b, shared = parrot("a"), parrot("b"), parrot("shared")
    with (
        venom_otel.instrument(Kernel(services=[a, shared]), **left.telemetry),
        venom_otel.instrument(Kernel(services=[b, shared]), **right.telemetry),
    ):
        for service in (a, b, shared):
            await hear(service)
    # A service that belongs to both is recorded once, by whoever came first.
    assert (names(left), names(right)) == (["a"] * 2 + ["shared"] * 2, ["b"] * 2)
    left.close()
    right.close()


async def test_letting_go_of_the_handle_undoes_nothing(capture):
    service = parrot("one")
    kernel = Kernel(services=[service])
    venom_otel.instrument(kernel, **capture.telemetry)
    gc.collect()
    await hear(service)
    assert names(capture) == ["one"] * 2
    again = venom_otel.instrument(kernel, **capture.telemetry)
    again.uninstrument()
    await hear(service)
    assert names(capture) == ["one"] * 4, "the lost handle's share stays"
    _end_lost_handle(kernel, capture)


def _end_lost_handle(kernel, capture):
    """Find the scope that the lost handle opened, and close it for the tests to come."""
    from venom_otel.instrumentation import Instrumentation

    handle = venom_otel.instrument(kernel, **capture.telemetry)
    twin = Instrumentation(handle._scope, handle._key)
    handle.uninstrument()
    twin.uninstrument()


async def test_instrumenting_again_after_the_end(capture):
    service = parrot("one")
    kernel = Kernel(services=[service])
    for count in (2, 4):
        with venom_otel.instrument(kernel, **capture.telemetry):
            await hear(service)
        assert len(capture.spans()) == count


async def test_a_handle_closed_in_the_middle_of_a_stream(capture):
    service = parrot("one")
    handle = venom_otel.instrument(Kernel(services=[service]), **capture.telemetry)
    stream = service.get_streaming_chat_message_contents(history("hello big world"), PromptExecutionSettings())
    words = [(await anext(stream))[0].content]
    handle.uninstrument()
    words += [chunk[0].content async for chunk in stream]
    assert words == ["hello", "big", "world"]
    assert [span["attributes"]["llm.outcome"] for span in capture.span_dicts()] == ["ok"]


async def test_a_task_that_outlives_the_round_trip_it_was_begun_in(capture):
    """It has inherited the round trip's context, which must not pass for being inside of it."""
    tasks = []

    class Busy(Parrot):
        async def _inner_get_chat_message_contents(self, chat_history, settings):
            answer = await super()._inner_get_chat_message_contents(chat_history, settings)
            if not tasks:
                tasks.append(asyncio.create_task(later()))
            return answer

    async def later():
        await go.wait()
        await service.get_chat_message_contents(history("hello world"), PromptExecutionSettings())

    service, go = Busy(ai_model_id="busy", service_id="busy"), asyncio.Event()
    with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
        await service.get_chat_message_contents(history("hello world"), PromptExecutionSettings())
        go.set()
        await tasks[0]
    assert names(capture) == ["busy"] * 2


async def test_services_within_services(capture):
    """A service that asks another one: both are round trips, the inner one a child; asking itself through its parent class is not."""

    class Router(Parrot):
        async def _inner_get_chat_message_contents(self, chat_history, settings):
            return await inner.get_chat_message_contents(chat_history, settings)

    inner, outer = parrot("inner"), Router(ai_model_id="outer", service_id="outer")
    with venom_otel.instrument(Kernel(services=[inner, outer]), **capture.telemetry):
        await outer.get_chat_message_contents(history("hello world"), PromptExecutionSettings())
    assert capture.tree() == [("chat outer", [("chat inner", [])])]


@pytest.mark.parametrize("kernel", [None, Kernel()], ids=["everything", "a kernel"])
def test_a_service_object_stays_what_it_is(kernel, capture):
    plain = OpenAIChatCompletion(ai_model_id="m", service_id="s", api_key="k")
    if kernel is not None:
        kernel.add_service(plain, overwrite=True)
    before = (type(plain), dict(vars(plain)), plain.model_dump(), repr(plain), set(dir(plain)))
    with venom_otel.instrument(kernel, **capture.telemetry):
        assert (type(plain), dict(vars(plain)), plain.model_dump(), repr(plain), set(dir(plain))) == before
        assert type(plain) is OpenAIChatCompletion
        assert isinstance(plain, OpenAIChatCompletion)
        assert plain == copy.copy(plain)
        assert plain == plain.model_copy()
        twin = copy.deepcopy(parrot("p"))
        assert twin == parrot("p")
        assert OpenAIChatCompletion(ai_model_id="m", service_id="s", async_client=plain.client) == plain
    assert (type(plain), dict(vars(plain)), plain.model_dump(), repr(plain), set(dir(plain))) == before
