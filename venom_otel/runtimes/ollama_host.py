"""`OLLAMA_HOST`, read as Ollama's own client reads it."""

from __future__ import annotations

from typing import Final

PORT: Final = 11434
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LARGEST_PORT: Final = 65535
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - never bound
"""What a server listens on is no address to ask at."""


def url(value: str) -> str:
    """The base URL that a value of `OLLAMA_HOST` means.

    All its forms: `host`, `host:port`, `:port`, an IPv6 address with or without brackets, each with or without a scheme (whose own port
    then is the default in place of 11434), and with a path. As there, a port that is none gives way to the default, and blanks and quotes
    around the value are dropped. Source: `Host()` in Ollama's envconfig/config.go.
    """
    text = value.strip().strip("\"'").strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = ("https", f"{text}:443") if text == "ollama.com" else ("http", text)
    default = _DEFAULT_PORTS.get(scheme, PORT) if separator else PORT
    address, _, path = rest.partition("/")
    host, port = _split(address)
    number = int(port) if port.isascii() and port.isdigit() and int(port) <= _LARGEST_PORT else default
    host = _EVERYWHERE.get(host or "127.0.0.1", host or "127.0.0.1")
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{number}/{path}".rstrip("/")


def _split(address: str) -> tuple[str, str]:
    """Host, without brackets, and port; empty where there is none."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        return host, rest.removeprefix(":")
    if address.count(":") > 1:  # IPv6 without brackets has no port
        return address, ""
    host, _, port = address.partition(":")
    return host, port
