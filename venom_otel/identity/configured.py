"""Who the user says is behind a service or an address: it counts more than everything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.errors import SettingsError
from venom_otel.identity import endpoint as endpoints
from venom_otel.identity.model import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venom_otel.identity.model import Endpoint

_VARIABLE: Final = "VENOM_OTEL_PROVIDERS"
_PROVIDER: Final = re.compile(r"[A-Za-z0-9][\w.-]*")
_HOST_AND_PORT: Final = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}")


def parse_providers(text: str) -> dict[str, str]:
    """Read `VENOM_OTEL_PROVIDERS`: `http://gpu:8000=vllm,my-service=llamacpp`.

    Raises:
        SettingsError: an entry is not of this form; the message names the variable and never shows credentials.
    """
    providers: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, provider = (part.strip() for part in entry.rpartition("="))
        if not name or "?" in name:  # with a query, what follows its last `=` may be a key rather than a provider
            raise SettingsError(
                f"{_VARIABLE}: {endpoints.redact(entry)!r} is not name=provider; an address without query, or a service id, and what is "
                "behind it are wanted, as in http://gpu:8000=vllm,my-service=llamacpp."
            )
        providers[name] = provider
    Configured(providers, where=_VARIABLE)
    return providers


class Configured:
    """Looks up what the user said, by service id first, then by address."""

    def __init__(self, providers: Mapping[str, str], *, aliases: str = "", where: str = "providers") -> None:
        """Check and sort the entries.

        Args:
            providers: a service id, a URL or `host:port`, each with the provider behind it. A URL's path leads to one server among
                several at the same address; without one all are meant.
            aliases: the setting `VENOM_OTEL_SERVER_ALIASES`, so that every name of a host will do.
            where: the setting or argument that messages name.

        Raises:
            SettingsError: an entry cannot be used; the message names `where` and the entry.
        """
        self._services: dict[str, Identity] = {}
        addresses: list[tuple[Endpoint, Identity]] = []
        for name, provider in providers.items():
            if not isinstance(provider, str) or not _PROVIDER.fullmatch(provider):
                raise SettingsError(
                    f"{where}: {endpoints.redact(str(provider))!r} for {endpoints.redact(name)!r} is no provider; "
                    "a name such as ollama, vllm or openai is wanted."
                )
            identity = Identity(provider, semconv.SOURCE_CONFIG)
            if "://" not in name and not _HOST_AND_PORT.fullmatch(name):
                self._services[name] = identity
                continue
            try:
                addresses.append((endpoints.parse(name, aliases), identity))
            except SettingsError as error:
                raise SettingsError(f"{where}: {error}") from None
        self._addresses = sorted(addresses, key=lambda address: len(_path(address[0])), reverse=True)

    def of_service(self, service_id: str) -> Identity | None:
        """What is said of a service id; a look-up."""
        return self._services.get(service_id)

    def of_address(self, endpoint: Endpoint) -> Identity | None:
        """What is said of an address, the entry with the longest fitting path first."""
        path = _path(endpoint)
        for address, identity in self._addresses:
            if address.server == endpoint.server and f"{path}/".startswith(f"{_path(address)}/"):
                return identity
        return None


def _path(endpoint: Endpoint) -> str:
    """The path to the server, without the API's `/v1`."""
    _, slash, path = endpoints.root(endpoint).partition("://")[2].partition("/")
    return slash + path
