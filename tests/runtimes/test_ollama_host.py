"""`OLLAMA_HOST` in all the forms that Ollama's own client takes."""

import pytest

from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.ollama_host import url


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        (":1234", "http://127.0.0.1:1234"),
        ("1.2.3.4:1234", "http://1.2.3.4:1234"),
        ("example.com", "http://example.com:11434"),
        ("example.com:1234", "http://example.com:1234"),
        ("https://example.com", "https://example.com:443"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com:1234", "https://example.com:1234"),
        ("https://example.com/ollama", "https://example.com:443/ollama"),
        ("example.com:1234/ollama/", "http://example.com:1234/ollama"),
        ("::1", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:1234", "http://[::1]:1234"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("[::]:1234", "http://[::1]:1234"),
        (" 1.2.3.4 ", "http://1.2.3.4:11434"),
        ('"1.2.3.4"', "http://1.2.3.4:11434"),
        (" ' 1.2.3.4 ' ", "http://1.2.3.4:11434"),
        ("1.2.3.4:66000", "http://1.2.3.4:11434"),
        ("1.2.3.4:-1", "http://1.2.3.4:11434"),
        ("https://1.2.3.4:x", "https://1.2.3.4:443"),
        ("ollama.com", "https://ollama.com:443"),
    ],
)
def test_forms(value, expected):
    assert url(value) == expected
    parse(url(value))
