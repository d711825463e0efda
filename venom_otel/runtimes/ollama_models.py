"""Loading, fetching and deleting models of Ollama: https://github.com/ollama/ollama/blob/main/docs/api.md."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from venom_otel.errors import ActionError
from venom_otel.runtimes.fields import count, text
from venom_otel.runtimes.protocol import Progress
from venom_otel.runtimes.telling import shown, tell

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from venom_otel.identity.model import Endpoint
    from venom_otel.runtimes.model import Runtime
    from venom_otel.runtimes.telling import Answer

LOAD_S: Final = 600.0
"""Ollama itself gives loading up after five minutes without progress, and says nothing while it loads."""

SILENCE_S: Final = 300.0
"""While it fetches, it reports several times a second; while it verifies what it has fetched, it says nothing."""

REMOVE_S: Final = 60.0

_MOST_LAYERS: Final = 10_000
_DONE: Final = "success"


class OllamaKeeper:
    """Keeps the models of any Ollama; see `ModelKeeper`."""

    async def load(self, runtime: Runtime, model: str) -> None:
        """Load it, for as long as the server keeps models in memory by itself (`OLLAMA_KEEP_ALIVE`); a request without a prompt does that.

        Raises:
            ActionError: see `ModelKeeper`.
        """
        async with tell(runtime, "POST", "/api/generate", {"model": model, "stream": False}, silence_s=LOAD_S) as answer:
            if answer.status != HTTPStatus.OK:
                raise ActionError(f"{runtime.label} does not load {model}: {await _why(answer, model)}")
            async with contextlib.aclosing(answer.lines()) as parts:
                async for part in parts:
                    _not_an_error(part, f"{runtime.label} does not load {model}", runtime)

    async def install(self, runtime: Runtime, model: str) -> AsyncGenerator[Progress, None]:
        """Pull it. Bytes are those of all layers of which the server has told so far; those that are there already count as fetched.

        The server stops pulling when the iterator is closed, and keeps what it has for the next time.

        Raises:
            ActionError: see `ModelKeeper`. What goes wrong once it has begun comes inside of a 200.
        """
        failed = f"{runtime.label} does not get {model}"
        layers: dict[str, tuple[int, int]] = {}
        done = False
        async with tell(runtime, "POST", "/api/pull", {"model": model}, silence_s=SILENCE_S) as answer:
            if answer.status != HTTPStatus.OK:
                raise ActionError(f"{failed}: {await _why(answer, model)}")
            async with contextlib.aclosing(answer.lines()) as parts:
                async for part in parts:
                    _not_an_error(part, failed, runtime)
                    words = text(part.get("status"))
                    if words is None:
                        continue
                    done = words == _DONE
                    _note(layers, part)
                    yield Progress(words, *_sums(layers))
        if not done:
            raise ActionError(f"{failed}: the server ended its report without saying that it is done; ask for it again, and it goes on")

    async def remove(self, runtime: Runtime, model: str) -> None:
        """Put it out of memory, where it would stay for a while, and delete it; as Ollama's own command does.

        Raises:
            ActionError: see `ModelKeeper`.
        """
        unload = {"model": model, "keep_alive": 0, "stream": False}
        async with tell(runtime, "POST", "/api/generate", unload, silence_s=REMOVE_S):
            pass  # whatever it answers: what matters is said of the next
        async with tell(runtime, "DELETE", "/api/delete", {"model": model}, silence_s=REMOVE_S) as answer:
            if answer.status != HTTPStatus.OK:
                raise ActionError(f"{runtime.label} does not delete {model}: {await _why(answer, model)}")


async def _why(answer: Answer, model: str) -> str:
    said = await answer.said()
    if answer.status == HTTPStatus.FORBIDDEN and not said:
        return host_refused(answer.runtime.endpoint)
    if answer.status == HTTPStatus.NOT_FOUND and "not found" in said:
        return f"it has no model of that name ({said}). `venom-otel models` lists them, `venom-otel models install {model}` gets it"
    return answer.why(said)


def host_refused(endpoint: Endpoint) -> str:
    """What an empty 403 means. Seen of 0.17.4, whatever the path, where the Host header is no local name."""
    return (
        f"it is up, but refuses the name {endpoint.host} (403 without a word): bound to a loopback address, Ollama answers "
        f"for localhost and the like alone. Ask by http://localhost:{endpoint.port}, or start it with OLLAMA_HOST=0.0.0.0"
    )


def _not_an_error(part: dict[str, Any], failed: str, runtime: Runtime) -> None:
    if "error" in part:
        raise ActionError(f"{failed}: {shown(str(part['error']), runtime) or 'it does not say why'}")


def _note(layers: dict[str, tuple[int, int]], part: dict[str, Any]) -> None:
    """What is told of one layer: how much of it is there, and how large it is. Without a `completed`, nothing is."""
    digest, total = text(part.get("digest")), count(part.get("total"))
    if digest is not None and total is not None and (digest in layers or len(layers) < _MOST_LAYERS):
        layers[digest] = min(count(part.get("completed")) or 0, total), total


def _sums(layers: dict[str, tuple[int, int]]) -> tuple[int | None, int | None]:
    if not layers:
        return None, None
    return sum(completed for completed, _ in layers.values()), sum(total for _, total in layers.values())
