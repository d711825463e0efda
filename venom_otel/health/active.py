"""Which model is in use: the one that the settings name, and the one that answered last."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.errors import SettingsError
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.model import Status
from venom_otel.runtimes.names import same_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from venom_otel.health.monitor import Server
    from venom_otel.identity.model import Endpoint

PAST_S: Final = 900.0
"""How long a model that is no longer active goes on as 0. Three times as long as Prometheus goes on showing what is no longer sent."""
_MOST_PAST: Final = 32


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """A model in use. Words are empty where nothing is known."""

    source: str
    """semconv's `ACTIVE_CONFIGURED` or `ACTIVE_ANSWERED`."""
    model: str
    friendly_name: str
    provider: str
    endpoint: str
    server: str


class ActiveModels:
    """Those in use now, and those that were until lately. To be asked from one thread.

    Args:
        configured: the one that is configured now (`LLM_MODEL_NAME`), and the base URL that the application uses for it
            (`LLM_LOCAL_ENDPOINT`); empty for none, and where that is not said.
        answered: the one that answered last, as model, provider and endpoint; None for none.
        friendly_name: a model's name for people.
        aliases: the setting `VENOM_OTEL_SERVER_ALIASES`.
    """

    def __init__(
        self,
        configured: Callable[[], tuple[str, str]],
        answered: Callable[[], tuple[str, str, str] | None] = lambda: None,
        friendly_name: Callable[[str], str] = lambda model: model,
        aliases: str = "",
    ) -> None:
        self._configured_now = configured
        self._answered = answered
        self._friendly_name = friendly_name
        self._aliases = aliases
        self._now: dict[str, ActiveModel] = {}
        self._past: dict[ActiveModel, float] = {}

    def series(self, servers: Sequence[Server]) -> Iterator[tuple[ActiveModel, int]]:
        """Each with 1 for one in use and 0 for one that was."""
        now = {model.source: model for model in (self._configured(servers), self._last_answered()) if model is not None}
        at = time.monotonic()
        self._past |= dict.fromkeys(self._now.values(), at)
        self._now = now
        past = [(model, since) for model, since in self._past.items() if at - since < PAST_S and model not in now.values()]
        self._past = dict(sorted(past, key=lambda item: item[1])[-_MOST_PAST:])
        yield from ((model, 1) for model in now.values())
        yield from ((model, 0) for model in self._past)

    def _configured(self, servers: Sequence[Server]) -> ActiveModel | None:
        model, endpoint = self._configured_now()
        if not model:
            return None
        server = server_of(model, endpoint, servers, self._aliases)
        if server is None:
            return self._active(semconv.ACTIVE_CONFIGURED, model, "", endpoint)
        return self._active(semconv.ACTIVE_CONFIGURED, model, server.runtime.provider, server.runtime.endpoint.url)

    def _last_answered(self) -> ActiveModel | None:
        found = self._answered()
        return None if found is None else self._active(semconv.ACTIVE_ANSWERED, *found)

    def _active(self, source: str, model: str, provider: str, endpoint: str) -> ActiveModel:
        url, server = self._place(endpoint)
        return ActiveModel(source, model, self._friendly_name(model), provider or semconv.PROVIDER_UNKNOWN, url, server)

    def _place(self, endpoint: str) -> tuple[str, str]:
        """Base URL and server, without credentials; empty where it is no address."""
        parsed = _parsed(endpoint, self._aliases)
        return (parsed.url, parsed.server) if parsed is not None else ("", "")


def server_of(model: str, endpoint: str, servers: Sequence[Server], aliases: str = "") -> Server | None:
    """The server of the configured model: the one at the endpoint where that is said, else the first online that has the model."""
    if endpoint:
        there = _parsed(endpoint, aliases)
        return next((server for server in servers if there is not None and server.runtime.endpoint.server == there.server), None)
    online = (server for server in servers if server.condition.status is Status.ONLINE)
    return next((server for server in online if any(same_model(model, one.name) for one in server.reading.models)), None)


def _parsed(endpoint: str, aliases: str) -> Endpoint | None:
    try:
        return parse(endpoint, aliases)
    except SettingsError:
        return None
