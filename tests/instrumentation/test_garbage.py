"""A finished call holds nothing back: what it knew is freed at once, without a garbage collection."""

import contextlib
import gc

from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from support.app import history
from support.custom import Parrot

import venom_otel
from venom_otel.instrumentation.invocation import Invocation


class Mute(Parrot):
    """A service that cannot answer."""

    async def _inner_get_chat_message_contents(self, chat_history, settings):
        raise ConnectionError("nobody there")


async def test_invocations_are_freed_without_the_collector(capture):
    service, mute = (made(ai_model_id="parrot", service_id="parrot") for made in (Parrot, Mute))
    settings = PromptExecutionSettings()
    with venom_otel.instrument(**capture.telemetry):
        gc.collect()
        gc.disable()
        try:
            await service.get_chat_message_contents(history("hello"), settings)
            async for _ in service.get_streaming_chat_message_contents(history("hello"), settings):
                pass
            with contextlib.suppress(ConnectionError):  # pytest.raises would keep the traceback, and with it the frames
                await mute.get_chat_message_contents(history("hello"), settings)
            left = [found for found in gc.get_objects() if type(found) is Invocation]
        finally:
            gc.enable()
    assert left == []
    assert len(capture.spans()) == 3
