"""Where there is nothing to show a command says why, and what to do next; what programs read stays as it is."""

import os
import pty
import subprocess

import pytest
from support.cockpit import PROGRAM, Application, Cockpit, command, environment
from support.patience import WAIT_S

SHOWN = ("requests", "compare", "models", "runtimes", "export")
NEXT = {
    "requests": "no request has arrived yet. Add `import venom_otel`",
    "compare": "no request has arrived yet. Add `import venom_otel`",
    "models": "no model, since no model server is known: start one",
    "runtimes": "No model server answers at the usual local ports",
    "export": "nothing to export: nothing is stored yet.",
}


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory):
    """One to which nothing was sent, and which knows nobody."""
    with Cockpit(tmp_path_factory.mktemp("cockpit")) as running:
        yield running


def run(cockpit, *arguments):
    return command(*arguments, home=cockpit.folder, VENOM_OTEL_DATA_DIR=str(cockpit.folder / "data"))


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["lines", "json"])
def test_what_to_do_next(cockpit, name, form):
    ended = run(cockpit, name, *(("--format", "jsonl") if name == "export" and form else form))
    assert ended.returncode == (1 if name == "runtimes" else 0)
    assert NEXT[name] in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert len(ended.stdout.splitlines()) == (0 if form or name == "export" else 1)  # the heading


@pytest.mark.parametrize("name", ["requests", "compare", "models"])
def test_no_heading_above_nothing(cockpit, name):
    screen, terminal = pty.openpty()
    try:
        variables = environment(cockpit.folder, VENOM_OTEL_DATA_DIR=str(cockpit.folder / "data"), TERM="xterm", NO_COLOR="1")
        ended = subprocess.run(
            [PROGRAM, name],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=subprocess.PIPE,
            text=True,
            timeout=WAIT_S,
            check=True,
        )
        os.set_blocking(screen, False)
        with pytest.raises(BlockingIOError):
            os.read(screen, 1)
    finally:
        os.close(screen)
        os.close(terminal)
    assert NEXT[name] in ended.stderr


def test_where_only_what_was_asked_for_is_missing(tmp_path):
    with Cockpit(tmp_path) as cockpit, Application(cockpit.otlp) as application:
        application.request("there:1b")
        for arguments, words in {
            ("requests", "--model", "missing:1b"): "no request matches: leave out a filter, or take a longer time.",
            ("compare", "--until", "1h"): "no request in this time; --since 30d looks further back.",
            ("compare", "--service", "another"): "no request of this application in this time; --since 30d looks further back.",
            ("export", "--until", "1h"): "nothing to export: nothing that is stored matches.",
            ("export", "--format", "csv", "--model", "missing:1b"): "nothing to export: nothing that is stored matches.",
        }.items():
            ended = run(cockpit, *arguments)
            assert (ended.returncode, ended.stderr) == (0, f"venom-otel: {words}\n"), arguments
        assert run(cockpit, "requests").stderr == ""
        assert run(cockpit, "requests", "--limit", "0").stderr == ""
