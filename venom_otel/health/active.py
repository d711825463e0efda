"""Which model is in use: the one that the settings name, and the one that answered last."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.errors import SettingsError
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from venom_otel.health.monitor import Server

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
        model_name: the one that is configured (`LLM_MODEL_NAME`); empty for none.
        endpoint: the base URL that the application uses for it (`LLM_LOCAL_ENDPOINT`); empty where that is not said.
        answered: the one that answered last, as model, provider and endpoint; None for none.
        friendly_name: a model's name for people.
        aliases: the setting `VENOM_OTEL_SERVER_ALIASES`.
    """

    def __init__(
        self,
        model_name: str,
        endpoint: str,
        answered: Callable[[], tuple[str, str, str] | None] = lambda: None,
        friendly_name: Callable[[str], str] = lambda model: model,
        aliases: str = "",
    ) -> None:
        self._model_name = model_name
        self._endpoint = endpoint
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
        if not self._model_name:
            return None
        server = self._server_of(servers)
        if server is None:
            return self._active(semconv.ACTIVE_CONFIGURED, self._model_name, "", self._endpoint)
        return self._active(semconv.ACTIVE_CONFIGURED, self._model_name, server.runtime.provider, server.runtime.endpoint.url)

    def _last_answered(self) -> ActiveModel | None:
        found = self._answered()
        return None if found is None else self._active(semconv.ACTIVE_ANSWERED, *found)

    def _active(self, source: str, model: str, provider: str, endpoint: str) -> ActiveModel:
        url, server = self._place(endpoint)
        return ActiveModel(source, model, self._friendly_name(model), provider or semconv.PROVIDER_UNKNOWN, url, server)

    def _server_of(self, servers: Sequence[Server]) -> Server | None:
        """The server at the endpoint that was named, else the first that is online and has a model of the configured name."""
        if self._endpoint:
            _, name = self._place(self._endpoint)
            return next((server for server in servers if server.runtime.endpoint.server == name), None)
        online = (server for server in servers if server.condition.status is Status.ONLINE)
        return next((server for server in online if self._model_name in {model.name for model in server.reading.models}), None)

    def _place(self, endpoint: str) -> tuple[str, str]:
        """Base URL and server, without credentials; empty where it is no address."""
        try:
            parsed = parse(endpoint, self._aliases)
        except SettingsError:
            return "", ""
        return parsed.url, parsed.server
