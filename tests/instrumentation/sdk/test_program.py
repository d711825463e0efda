"""What a program is called that nobody named."""

import sys
from types import SimpleNamespace

import pytest

from venom_otel.instrumentation.sdk import program


@pytest.mark.parametrize(
    ("arguments", "spec", "expected"),
    [
        (["/srv/shop/checkout.py", "--fast"], None, "checkout"),
        (["/usr/bin/gunicorn"], None, "gunicorn"),
        (["/srv/shop/__main__.py"], "shop.__main__", "shop"),
        (["/srv/shop/jobs.py"], "shop.jobs", "shop.jobs"),
        (["-c"], None, "folder"),
        ([""], None, "folder"),
        ([], None, "folder"),
        (["/x/ipykernel_launcher.py"], "ipykernel_launcher", "folder"),
    ],
)
def test_the_programs_name(monkeypatch, tmp_path, arguments, spec, expected):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    monkeypatch.setattr("sys.argv", arguments)
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__spec__=spec and SimpleNamespace(name=spec)))
    assert program.name() == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, "checkout"), ({"OTEL_SERVICE_NAME": "a"}, "a"), ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=b"}, "b")],
)
def test_a_name_that_is_given_wins(monkeypatch, variables, expected):
    monkeypatch.setattr(program, "name", lambda: "checkout")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert program.resource().attributes["service.name"] == expected
