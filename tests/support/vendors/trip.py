"""One round trip of a connector, bare and recorded, and the whole span it must leave."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from semantic_kernel import Kernel
from semantic_kernel.contents import ChatHistory
from support.vendors.wire import Wire

import venom_otel

if TYPE_CHECKING:
    from support.vendors.wire import Answer, Bed

    from venom_otel.testing import Capture


def plain(contents: list[Any]) -> list[Any]:
    """What an application can see of messages, as data that compares."""
    return [
        (type(message), message.model_dump(exclude={"inner_content", "items"}), str(message), type(message.inner_content))
        for message in contents
    ]


async def drive(
    bed: Bed, wire: Wire, *, stream: bool, capture: Capture | None = None, leave_after: int | None = None, **settings: Any
) -> tuple[Any, BaseException | None]:
    """Call once, recorded where there is a capture; returns what the application got, and what it had to catch.

    `leave_after` closes a stream after so many pieces.
    """
    history = ChatHistory()
    history.add_system_message("Be brief.")
    history.add_user_message("Hello?")
    got: list[Any] = []
    caught = None
    async with bed.service(wire) as service:
        kernel = Kernel()
        kernel.add_service(service)
        asked = service.instantiate_prompt_execution_settings(**settings)
        handle = venom_otel.instrument(kernel, providers=bed.providers, **capture.telemetry) if capture is not None else None
        try:
            if stream:
                async with aclosing(service.get_streaming_chat_message_contents(history, asked)) as pieces:
                    async for contents in pieces:
                        got.append(plain(contents))
                        if len(got) == leave_after:
                            break
                if leave_after is not None and capture is not None:  # Semantic Kernel leaves its inner generator to the loop's finalisers
                    await asyncio.to_thread(capture.wait_for_spans, 2 if bed.http_span else 1)
            else:
                got.append(plain(await service.get_chat_message_contents(history, asked)))
        except Exception as error:
            caught = error
        finally:
            if handle is not None:
                handle.uninstrument()
    return got, caught


async def both(bed: Bed, answer: Answer, *, stream: bool, capture: Capture, **settings: Any) -> tuple[Any, BaseException | None]:
    """Run bare and recorded, hold that they are equal and send the same, and return what the recorded run gave."""
    bare_wire, wire = Wire(answer), Wire(answer)
    bare, bare_error = await drive(bed, bare_wire, stream=stream, **settings)
    got, error = await drive(bed, wire, stream=stream, capture=capture, **settings)
    assert got == bare
    assert (type(error), str(error), str(error and error.__cause__)) == (
        type(bare_error),
        str(bare_error),
        str(bare_error and bare_error.__cause__),
    )
    assert wire.sent == bare_wire.sent
    return got, error


def span(capture: Capture) -> dict[str, Any]:
    """The one span of the round trip, without its ids."""
    [found] = [span for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    assert found["parent"] is None
    return {name: value for name, value in found.items() if name not in ("id", "trace", "parent")}


def expected(bed: Bed, attributes: dict[str, Any], *, stream: bool = False, **more: Any) -> dict[str, Any]:
    """A whole span: what every one has, and `attributes`."""
    streamed = {"gen_ai.request.stream": True} if stream else {}
    return {
        "name": f"chat {bed.model}",
        "kind": "CLIENT",
        "status": "UNSET",
        "description": None,
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": bed.provider,
            "llm.provider": bed.provider,
            "llm.identity.source": bed.source,
            "gen_ai.request.model": bed.model,
            "llm.model": bed.model,
            "llm.model_name": bed.model,
            "llm.endpoint": bed.endpoint,
            "llm.server": f"{bed.address}:{bed.port}",
            "llm.service_id": bed.model,
            "server.address": bed.address,
            "server.port": bed.port,
            **streamed,
            **attributes,
        },
        "events": [],
        "links": [],
        "scope": "venom_otel",
        "schema_url": "https://opentelemetry.io/schemas/1.41.1",
        **more,
    }


def http_children(capture: Capture) -> list[str]:
    [(_, children)] = capture.tree()
    return [name for name, _ in children]
