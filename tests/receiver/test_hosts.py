"""Which names are ours and which pages may speak to us."""

import pytest

from venom_otel.receiver.hosts import AllowedHosts


@pytest.mark.parametrize(
    ("bound", "named", "host", "allowed"),
    [
        ("127.0.0.1", "", "127.0.0.1:8765", True),
        ("127.0.0.1", "", "localhost:8765", True),
        ("127.0.0.1", "", "LocalHost", True),
        ("127.0.0.1", "", "[::1]:8765", True),
        ("127.0.0.1", "", "192.168.0.5:8765", False),
        ("127.0.0.1", "", "evil.example", False),
        ("127.0.0.1", "", "localhost.evil.example", False),
        ("127.0.0.1", "", "evil.example:8765@localhost", False),
        ("127.0.0.1", "", "localhost@evil.example", False),
        ("127.0.0.1", "", "", False),
        ("127.0.0.1", "", None, False),
        ("127.0.0.1", "", "[", False),
        ("192.168.0.5", "", "192.168.0.5:8765", True),
        ("192.168.0.5", "", "192.168.0.6:8765", False),
        ("gpu.lan", "", "GPU.lan:1", True),
        ("0.0.0.0", "", "192.168.0.5:8765", True),
        ("::", "", "[fe80::1]:8765", True),
        ("0.0.0.0", "", "evil.example", False),
        ("127.0.0.1", " cockpit.lan, Other.lan ,", "cockpit.lan:8765", True),
        ("127.0.0.1", " cockpit.lan, Other.lan ,", "other.lan", True),
    ],
)
def test_hosts(bound, named, host, allowed):
    assert AllowedHosts(bound, named).allows_host(host) is allowed


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://localhost:8765", "localhost:8765", True),
        ("http://LOCALHOST:8765", "localhost:8765", True),
        ("http://127.0.0.1:8765", "127.0.0.1:8765", True),
        ("http://localhost:3000", "localhost:8765", False),
        ("http://localhost", "localhost:8765", False),
        ("http://evil.example", "localhost:8765", False),
        ("http://evil.example:8765", "evil.example:8765", False),
        ("https://app.example", "localhost:8765", True),
        ("https://app.example:444", "localhost:8765", True),
        ("null", "localhost:8765", False),
        ("", "localhost:8765", False),
        ("http://[", "localhost:8765", False),
        ("http://localhost:8765", None, False),
    ],
)
def test_origins(origin, host, allowed):
    assert AllowedHosts("127.0.0.1", "app.example").allows_origin(origin, host) is allowed
