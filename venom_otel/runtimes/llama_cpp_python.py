"""llama-cpp-python's server, looked at so that no answer is broken off: https://llama-cpp-python.readthedocs.io/en/latest/server/.

It ends the answer that it streams when somebody asks for `/v1/models` (`interrupt_requests`, on by default; seen of 0.3.36). So whoever
wants that list of a server asks first whether it is this one. Its models are asked for once in the life of this process, for they do not
change; from then on its description, which disturbs nothing, says that it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel.identity import fingerprints
from venom_otel.identity.endpoint import root
from venom_otel.runtimes.fields import listed, text
from venom_otel.runtimes.judging import judge
from venom_otel.runtimes.model import ServedModel, State

if TYPE_CHECKING:
    from venom_otel.runtimes.asking import Client, Heard
    from venom_otel.runtimes.model import Reading

_known: Final[dict[str, tuple[ServedModel, ...]]] = {}
"""The models of such servers by their root, until a look finds the server stopped or another one in its place."""


async def look(client: Client, told: Heard, *, anybody: bool = False) -> Reading | None:
    """A look at a server where it is llama-cpp-python's; None where it is another, which may be asked for its models.

    Args:
        client: who asks.
        told: the server's answer at an address that llama-cpp-python does not have.
        anybody: any server of the dialect will do, not the runtime's provider alone.
    """
    server, description = root(client.runtime.endpoint), told
    if fingerprints.may_be_llama_cpp_python(told.reply):
        (description,) = await client.ask(fingerprints.OPENAPI)
    if description.reply is None:
        if description.failure is not None and description.failure.state is State.STOPPED:
            _known.pop(server, None)
        if server not in _known:
            return None
        # Nobody else is in its place as far as is known, and to ask who it is would be to ask for its models.
        return client.reading(*await judge(client, description, shaped=True, anybody=True), main=description)
    if not fingerprints.describes_llama_cpp_python(description.reply):
        _known.pop(server, None)
        return None
    verdict = await judge(client, description, shaped=True, anybody=anybody)
    if verdict.state is not State.READY:
        return client.reading(*verdict, main=description)
    if server in _known:
        return client.reading(*verdict, main=description, models=_known[server])
    (listing,) = await client.ask(fingerprints.MODELS)
    found = listed(listing, "data")
    verdict = await judge(client, listing, shaped=found is not None, anybody=anybody)
    if found is None or verdict.state is not State.READY:
        return client.reading(*verdict, main=listing)
    _known[server] = tuple(ServedModel(name, loaded=True) for model in found if (name := text(model.get("id"))))
    return client.reading(*verdict, main=listing, models=_known[server])
