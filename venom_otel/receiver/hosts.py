"""Which names this machine is reached by, and which web pages may speak to it.

A browser sends whatever page is open to any address, 127.0.0.1 included. Two headers that a page cannot forge tell such requests apart:
`Host` names the server as the page's address does (a foreign name that was made to point here is still foreign), and `Origin` names the
page that asks. A program that is no browser sends no `Origin`.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from venom_otel.settings import CockpitSettings

_NO_PART_OF_A_HOST: Final = frozenset("@/?#\\")
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class AllowedHosts:
    """Decides by the two headers; names without their port, in any case.

    Args:
        bound: the address listened on; one that stands for every address of the machine lets any numeric address in, since a page
            cannot make a numeric address point elsewhere.
        named: further names, separated by commas; a page served under one of them may speak to us from another port, too.
    """

    def __init__(self, bound: str, named: str = "") -> None:
        self._named = frozenset(name.strip().lower() for name in named.split(",") if name.strip())
        self._known = LOOPBACK_NAMES | self._named | {bound.lower()}
        self._any_address = _is_unspecified(bound)

    @classmethod
    def from_settings(cls, settings: CockpitSettings) -> AllowedHosts:
        """What the settings allow."""
        return cls(settings.host, settings.allowed_hosts)

    def allows_host(self, host: str | None) -> bool:
        """Whether a `Host` header names this machine."""
        name = _name(f"//{host}") if host and not _NO_PART_OF_A_HOST & set(host) else None
        return name is not None and self._knows(name)

    def allows_origin(self, origin: str, host: str | None) -> bool:
        """Whether a page of this `Origin` may speak to the server that its request names by `host`: our own, or a named one."""
        name = _name(origin)
        if name is None or not self._knows(name):
            return False
        return name in self._named or origin.partition("://")[2].lower() == (host or "").lower()

    def _knows(self, name: str) -> bool:
        return name in self._known or (self._any_address and _is_address(name))


def _name(url: str) -> str | None:
    """The host name in a URL, lower case, an IPv6 address without brackets; None where there is none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_unspecified(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_unspecified
