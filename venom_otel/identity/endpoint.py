"""Base URLs, taken apart once: `parse` gives an `Endpoint` without credentials, and one name for one server."""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from venom_otel.errors import SettingsError
from venom_otel.identity.model import Endpoint
from venom_otel.identity.redaction import MASK, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["credentials_in", "parse", "parse_aliases", "redact", "root"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NAME: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_ANY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104 - compared, never bound: clients use it as a name of their own machine
_LOCAL_SUFFIXES: Final = (
    ".local",
    ".localdomain",
    ".internal",
    ".lan",
    ".home",
    ".home.arpa",
    ".intranet",
    ".private",
    ".corp",
    ".svc",
)
"""Names that no public name server gives an answer for: RFC 6762 and 8375, ICANN's reserved `.internal`, what routers and
Kubernetes use."""
_LEFT_OF_AT: Final = re.compile(r"/.*@")


@functools.lru_cache(maxsize=1024)
def parse(url: str, aliases: str = "") -> Endpoint:
    """Take a base URL apart. Equal URLs, also when written differently, give one object; the second time costs a look-up.

    Args:
        url: `http(s)://…`; without a scheme `http` is meant, as for Ollama's clients.
        aliases: the setting `VENOM_OTEL_SERVER_ALIASES` as it is; touches `server` and `is_local` alone.

    Raises:
        SettingsError: not an address of an HTTP server. The URL is not repeated in the message, as it may hold a key.
    """
    return _one_of_equals(_take_apart(url, parse_aliases(aliases)))


@functools.lru_cache(maxsize=16)
def parse_aliases(text: str) -> Mapping[str, str]:
    """Read `VENOM_OTEL_SERVER_ALIASES`: `name=host,…`, each name becoming another name of that host.

    Raises:
        SettingsError: an entry is not of this form.
    """
    aliases: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, separator, host = entry.partition("=")
        try:
            if not separator:
                raise ValueError(entry)
            aliases[_host(name.strip())] = _host(host.strip())
        except ValueError:
            raise SettingsError(
                f"VENOM_OTEL_SERVER_ALIASES: {entry!r} is not name=host; host names and addresses without port are wanted, "
                "as in host.docker.internal=localhost."
            ) from None
    return MappingProxyType(aliases)


def root(endpoint: Endpoint) -> str:
    """Where the server itself lies: the URL without the API's `/v1`. A path before it stays, for it may lead to another server."""
    return endpoint.url.removesuffix("/v1")


def credentials_in(url: str) -> tuple[str, ...]:
    """What a base URL itself carries of credentials: user, password and every value of its query; for `redact`."""
    if "@" not in url and "?" not in url:
        return ()
    try:
        parts = urlsplit(url)
        found = [parts.username, parts.password, *(pair.partition("=")[2] for pair in parts.query.split("&"))]
    except ValueError:
        return ()
    return tuple(form for value in found if value for form in {value, unquote(value), unquote_plus(value)})


@functools.lru_cache(maxsize=1024)
def _one_of_equals(endpoint: Endpoint) -> Endpoint:
    return endpoint


def _take_apart(url: str, aliases: Mapping[str, str]) -> Endpoint:
    text = url.strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if "@" in parts.netloc and "@" in parts.path:
            raise ValueError  # a password with a bare slash: what follows it is no host
        host, port = _host(parts.hostname or ""), parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise SettingsError(
            f"A base URL of {len(text)} characters (not shown, as it may hold a key) is no address of an HTTP server; "
            "one like http://localhost:11434/v1 is wanted."
        ) from None
    name = host
    for _ in aliases:  # an alias of an alias, but never in a circle
        name = aliases.get(name, name)
    this_machine = _is_this_machine(name)
    shown_port = "" if port == _DEFAULT_PORTS[parts.scheme] else f":{port}"
    return Endpoint(
        url=f"{parts.scheme}://{_bracketed(host)}{shown_port}{_path(parts.path)}",
        scheme=parts.scheme,
        host=host,
        port=port,
        server=f"{_bracketed(_machine() if this_machine else name)}:{port}",
        is_local=this_machine or _is_local(name),
    )


def _host(text: str) -> str:
    """A host in its one spelling.

    Raises:
        ValueError: neither a name nor an address.
    """
    host = text.strip("[]").lower().rstrip(".")
    if ":" in host:
        return str(ipaddress.IPv6Address(host.replace("%25", "%")))
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    if not _NAME.fullmatch(host):
        raise ValueError(text)
    last = host.rpartition(".")[2]
    if last.isdigit() or last.startswith("0x"):  # 127.1, 2130706433 and the like, which browsers and C libraries take
        try:
            return str(ipaddress.IPv4Address(socket.inet_aton(host)))
        except OSError:
            raise ValueError(text) from None
    return host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _path(path: str) -> str:
    """The path without what may be a key: one in the place of a segment, or the rest of a password with a slash in it."""
    path = quote(path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._")
    return redact(_LEFT_OF_AT.sub(f"/{MASK}@", path)) if path else path


@functools.lru_cache(maxsize=1)
def _machine() -> str:
    """This machine's own name, which every loopback name stands for; no name server is asked."""
    return socket.gethostname().lower().rstrip(".") or "localhost"


def _is_this_machine(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return address.is_loopback or str(address) in _ANY_ADDRESS
    machine = _machine()
    short = machine.partition(".")[0]
    return host in ("localhost", "ip6-localhost", machine, short, f"{short}.local") or host.endswith(".localhost")


def _is_local(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return not address.is_global
    return "." not in host or host.endswith(_LOCAL_SUFFIXES)


def _address(host: str) -> Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
