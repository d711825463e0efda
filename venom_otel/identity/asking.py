"""Asking a server who it is: a few GETs at once, bounded in time and size, never to another origin, never traced."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import httpx
from opentelemetry.instrumentation.utils import suppress_instrumentation

from venom_otel.identity import fingerprints, wire
from venom_otel.identity.background import in_daemon_thread
from venom_otel.identity.endpoint import root
from venom_otel.identity.model import UNKNOWN, Identity

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from venom_otel.identity.fingerprints import Reply
    from venom_otel.identity.model import Endpoint

logger: Final = logging.getLogger("venom_otel")

LIMIT_S: Final = 1.5
"""For everything that is asked of one server at a time."""

FIRST_S: Final = 0.4
"""The most that the question for a local server's models waits for the answer to the one for its version."""

CREDENTIALS_LIMIT_S: Final = 0.5
"""For the service to give its credentials; without them much is answered, too."""

_NOT_OURS: Final = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "origin", "transfer-encoding", "user-agent"}
)
"""Headers of a service that are no credentials; a foreign `Host` or `Origin` makes Ollama refuse (403, empty)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What asking brought."""

    identity: Identity = UNKNOWN
    reached: bool = False
    """The server answered something, be it an error."""
    conclusive: bool = False
    """An `unknown` is its last word."""
    refused: bool = False
    """A key is missing or wrong."""
    servers: frozenset[str] = frozenset()
    """The `Server` headers seen."""
    models: tuple[str, ...] | None = None
    """The names of those that it lists; None where no list came, or it was not asked for one."""


async def ask(endpoint: Endpoint, headers: Callable[[], dict[str, str]] | None) -> Answer:
    """Ask who is behind an endpoint; comes back within `LIMIT_S`, with what was learnt until then.

    The service's credentials go with each question, for they go to that origin with each call anyway, and a proxy may want them even
    for `/`. Redirects are answers like others and not followed. The application's proxy variables and certificate authorities hold here
    too; a certificate that does not verify means that the server is not reached, whatever the application's own client allows.
    """
    replies: dict[str, Reply | None] = {}
    with suppress_instrumentation():
        try:
            async with asyncio.timeout(LIMIT_S):
                credentials = await _credentials(headers)
                async with wire.transport(endpoint) as way:
                    while paths := fingerprints.questions(replies, public=not endpoint.is_local):
                        replies.update(dict.fromkeys(paths))
                        question = partial(_get, way, endpoint, credentials=credentials, replies=replies)
                        async with asyncio.TaskGroup() as group:
                            with_care = {fingerprints.MODELS}.intersection(paths) if endpoint.is_local else ()
                            tasks = {path: group.create_task(question(path)) for path in paths if path not in with_care}
                            if with_care:
                                group.create_task(_get_models(question, tasks[fingerprints.VERSION], replies))
        except TimeoutError:
            pass  # what has been answered by now must do
        except (ImportError, ValueError) as error:
            logger.debug("no way to ask %s who it is: %s", endpoint.url, type(error).__qualname__)  # an unusable proxy setting
    return Answer(
        identity=fingerprints.identify(replies),
        reached=any(replies.values()),
        conclusive=fingerprints.conclusive(replies),
        refused=fingerprints.refused(replies),
        servers=frozenset(filter(None, (reply.header(b"server") for reply in replies.values() if reply is not None))),
        models=fingerprints.models_listed(replies),
    )


async def _credentials(headers: Callable[[], dict[str, str]] | None) -> dict[str, str]:
    """The service's own; in another thread, for a token provider may go to the network."""
    if headers is None:
        return {}
    try:
        async with asyncio.timeout(CREDENTIALS_LIMIT_S):
            found = await in_daemon_thread(headers)
    except Exception as error:  # whatever a token provider of the application raises
        logger.debug("asking without credentials, as getting them failed: %s", type(error).__qualname__)
        return {}
    return {name: value for name, value in found.items() if name.lower() not in _NOT_OURS}


async def _get_models(question: Callable[[str], Awaitable[None]], version: asyncio.Task[None], replies: dict[str, Reply | None]) -> None:
    """Ask for the models, and not of llama-cpp-python's server: it breaks off the answer that it streams then.

    `interrupt_requests`, on by default; seen of 0.3.36. It has no `/version`, and its description, which disturbs nothing, says who it is.
    """
    await asyncio.wait([version], timeout=FIRST_S)
    if fingerprints.may_be_llama_cpp_python(replies[fingerprints.VERSION]):
        replies[fingerprints.OPENAPI] = None
        await question(fingerprints.OPENAPI)
        if fingerprints.describes_llama_cpp_python(replies[fingerprints.OPENAPI]):
            del replies[fingerprints.MODELS]
            return
    await question(fingerprints.MODELS)


async def _get(
    way: httpx.AsyncHTTPTransport, endpoint: Endpoint, path: str, *, credentials: dict[str, str], replies: dict[str, Reply | None]
) -> None:
    """Ask one question; its reply stands in `replies` as soon as it is there. Failures leave None."""
    try:
        replies[path] = await wire.get(way, root(endpoint) + path, credentials)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):  # ValueError: credentials or an address that cannot be sent
        return
