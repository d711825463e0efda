"""Base URLs: one object for one endpoint, one name for one server, and nothing secret in either."""

import socket

import pytest

from venom_otel.errors import SettingsError
from venom_otel.identity.endpoint import _machine, credentials_in, parse, parse_aliases, root

MACHINE = socket.gethostname().lower()
KEY = "Zx9-planted.KEY~42"


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("http://localhost:11434/v1/", "http://localhost:11434/v1"),
        ("HTTP://LocalHost:11434/v1", "http://localhost:11434/v1"),
        ("http://localhost:80/v1", "http://localhost/v1"),
        ("https://api.openai.com:443/v1/", "https://api.openai.com/v1"),
        ("https://api.openai.com./v1", "https://api.openai.com/v1"),
        ("http://host:443", "http://host:443"),
        ("localhost:11434", "http://localhost:11434"),
        (" http://gpu ", "http://gpu"),
        ("http://gpu//", "http://gpu"),
        ("http://gpu/vllm/v1?x=1#y", "http://gpu/vllm/v1"),
        ("http://user:pass@gpu:8000/v1", "http://gpu:8000/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://[2001:DB8:0:0::1]/", "http://[2001:db8::1]"),
        ("http://127.1:8000", "http://127.0.0.1:8000"),
        ("http://2130706433", "http://127.0.0.1"),
        ("http://0x7f000001", "http://127.0.0.1"),
        ("http://[fe80::1%25eth0]:8000", "http://[fe80::1%eth0]:8000"),
        ("http://bücher.example/v1", "http://xn--bcher-kva.example/v1"),
        ("http://my_container:8000", "http://my_container:8000"),
        ("http://gpu/öl/v1", "http://gpu/%C3%B6l/v1"),
    ],
)
def test_one_spelling(url, normal):
    endpoint = parse(url)
    assert endpoint.url == normal
    assert parse(normal) is endpoint
    assert parse(normal).url == normal


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port"),
    [
        ("http://gpu", "http", "gpu", 80),
        ("https://gpu", "https", "gpu", 443),
        ("https://gpu:8443/x", "https", "gpu", 8443),
        ("http://[::1]:5", "http", "::1", 5),
    ],
)
def test_parts(url, scheme, host, port):
    endpoint = parse(url)
    assert (endpoint.scheme, endpoint.host, endpoint.port) == (scheme, host, port)


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "LOCALHOST.",
        "127.0.0.1",
        "127.8.9.10",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::]",
        "api.localhost",
        "ip6-localhost",
        MACHINE,
    ],
)
@pytest.mark.parametrize("path", ["", "/v1", "/api/", "/any/other"])
def test_names_of_this_machine_are_one_server(name, path):
    endpoint = parse(f"http://{name}:8000{path}")
    assert endpoint.server == f"{MACHINE}:8000"
    assert endpoint.is_local


@pytest.fixture
def machine_called(monkeypatch):
    """Gives this machine another name, as far as addresses are concerned."""

    def rename(name):
        monkeypatch.setattr(socket, "gethostname", lambda: name)
        _machine.cache_clear()
        parse.cache_clear()

    yield rename
    monkeypatch.undo()
    _machine.cache_clear()
    parse.cache_clear()


@pytest.mark.parametrize("name", ["localhost", "box", "BOX.local", "box.example.com", "Box.Example.com."])
def test_a_machine_with_a_domain_is_one_server_by_each_of_its_names(name, machine_called):
    machine_called("Box.Example.com.")
    assert parse(f"http://{name}:8000").server == "box.example.com:8000"
    assert parse(f"http://{name}:8000").is_local


@pytest.mark.parametrize("name", ["example.com", "box.example.org", "boxer", "box.lan"])
def test_other_names_are_not_those_of_a_machine_with_a_domain(name, machine_called):
    machine_called("Box.Example.com.")
    assert parse(f"http://{name}:8000").server == f"{name}:8000"


def test_a_machine_without_a_name(machine_called):
    machine_called("")
    assert parse("http://127.0.0.1:8000").server == "localhost:8000"


def test_servers_apart():
    urls = ["http://localhost:8000", "http://localhost:8001", "http://gpu:8000", "http://10.0.0.5:8000", "http://[fd00::1]:8000"]
    assert len({parse(url).server for url in urls}) == len(urls)


def test_scheme_is_no_part_of_a_server():
    assert parse("https://gpu:8000").server == parse("http://gpu:8000").server == "gpu:8000"
    assert parse("http://[FD00::1]:8000").server == "[fd00::1]:8000"


def test_aliases_join_servers():
    aliases = "host.docker.internal=localhost, gpu.example.com=10.0.0.5,again=gpu.example.com"
    assert parse("http://host.docker.internal:11434", aliases).server == parse("http://127.0.0.1:11434", aliases).server
    assert parse("http://gpu.example.com:8000/v1", aliases).server == parse("http://10.0.0.5:8000", aliases).server
    assert parse("http://again:8000", aliases).server == "10.0.0.5:8000"
    assert parse("http://gpu.example.com:8000", aliases).is_local
    assert parse("http://gpu.example.com:8000", aliases).url == "http://gpu.example.com:8000"
    assert not parse("http://gpu.example.com:8000").is_local


def test_aliases_in_a_circle_end():
    assert parse("http://a:1", "a=b,b=a").server in {"a:1", "b:1"}


@pytest.mark.parametrize("text", ["localhost", "a=", "=b", "http://a=b", "a=b:80", "a=b=c"])
def test_unusable_aliases_name_the_variable(text):
    with pytest.raises(SettingsError, match="VENOM_OTEL_SERVER_ALIASES"):
        parse_aliases(text)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("10.1.2.3", True),
        ("192.168.0.7", True),
        ("172.20.0.2", True),
        ("169.254.1.1", True),
        ("100.64.0.1", True),
        ("[fe80::1]", True),
        ("[fd12::1]", True),
        ("[::ffff:10.0.0.1]", True),
        ("ollama", True),
        ("gpu.local", True),
        ("gpu.lan", True),
        ("host.docker.internal", True),
        ("vllm.models.svc", True),
        ("gpu.localdomain", True),
        ("gpu.home", True),
        ("gpu.home.arpa", True),
        ("gpu.intranet", True),
        ("gpu.private", True),
        ("gpu.corp", True),
        ("8.8.8.8", False),
        ("134744072", False),
        ("[2606:4700::1111]", False),
        ("[::ffff:8.8.8.8]", False),
        ("api.openai.com", False),
        ("local.example.com", False),
        ("notlocal", True),
        ("xlocal.com", False),
    ],
)
def test_local(host, local):
    assert parse(f"http://{host}:8000/v1").is_local is local


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "http:///v1",
        "ftp://host",
        "file:///etc/passwd",
        "http://host:port",
        "http://host:99999",
        "http://ho st/",
        "http://[::1",
        "http://[zz]/",
        "http://300.1.1.1",
        "http://-/",
        f"http://user:{KEY}?x@host/v1",
        f"http://user:{KEY}/x@host/v1",
        f"http://user:{KEY}#x@host/v1",
        f"http://us@er:{KEY}/x@host/v1",
        f"http://us@er:42/{KEY}@host/v1",
        f"{KEY}@@@:::",
    ],
)
def test_no_address_says_so_without_repeating_it(url):
    with pytest.raises(SettingsError, match="base URL") as caught:
        parse(url)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{KEY}@host:8000/v1",
        f"https://{KEY}@host:8000/v1",
        f"https://{KEY}:@host:8000/v1",
        f"https://user:a@{KEY}@host:8000/v1",
        f"https://host:8000/v1?key={KEY}",
        f"https://host:8000/v1?{KEY}",
        f"https://host:8000/v1?a=1&any-name={KEY}#z",
        f"https://host:8000/v1#{KEY}",
        f"https://host:8000/sk-{KEY}/v1",
        f"https://host:8000/token={KEY}/v1",
        f"https://host:8000/12/{KEY}@elsewhere/v1",
    ],
)
def test_no_key_survives(url):
    endpoint = parse(url)
    assert KEY not in repr(endpoint)
    assert (endpoint.host, endpoint.port) == ("host", 8000)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://host/v1", set()),
        (f"http://user:{KEY}@host/v1", {"user", KEY}),
        (f"http://host/v1?key={KEY}&x", {KEY}),
        ("http://host/?key=a%2Fb", {"a%2Fb", "a/b"}),
        ("http://host/?key=a%2Fb+c", {"a%2Fb+c", "a/b+c", "a/b c"}),
        ("http://[::1?@", set()),
    ],
)
def test_credentials_in(url, found):
    assert set(credentials_in(url)) == found


@pytest.mark.parametrize(
    ("url", "at"),
    [
        ("http://h:1/v1", "http://h:1"),
        ("http://h:1", "http://h:1"),
        ("http://h:1/ollama/v1", "http://h:1/ollama"),
        ("http://h:1/api", "http://h:1/api"),
    ],
)
def test_root(url, at):
    assert root(parse(url)) == at
