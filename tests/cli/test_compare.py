"""`venom-otel compare` against a running cockpit: for a program and for a terminal."""

import json
import os
import pty
import subprocess

import pytest
from support.cockpit import PROGRAM, Application, Cockpit, command, environment
from support.patience import WAIT_S
from support.terminal import shown

FAILURE = ("404", "model_not_found", "model 'x' not found")
PRICES = {"currency": "USD", "models": {"gpt-4o-mini": {"input": 1_000_000, "output": 0}}}


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory):
    """A cockpit with prices and four requests of two models."""
    folder = tmp_path_factory.mktemp("cockpit")
    (folder / "prices.json").write_text(json.dumps(PRICES))
    with Cockpit(folder, VENOM_OTEL_PRICES="prices.json") as running, Application(running.otlp) as application:
        for _ in range(2):
            application.request("llama3.2:1b", attributes={"llm.cold_start": True, "gen_ai.response.time_to_first_chunk": 0.25})
        application.request("llama3.2:1b", failure=FAILURE)
        application.request("gpt-4o-mini", provider="openai", endpoint="https://api.openai.com/v1", seconds=2)
        yield running


def compared(cockpit, *arguments):
    ended = command("compare", "--url", cockpit.page, *arguments, home=cockpit.folder)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def test_lines_for_a_program(cockpit):
    heading, *lines = compared(cockpit)
    llama, gpt = (dict(zip(heading.split("\t"), line.split("\t"), strict=True)) for line in lines)
    assert (llama["provider"], llama["model"], llama["endpoint"]) == ("ollama", "llama3.2:1b", "http://localhost:11434/v1")
    assert (llama["requests"], llama["failed"], llama["error_rate"], llama["error_kinds"]) == ("3", "1", "0.3333", "model_not_found=1")
    assert 0.79 < float(llama["duration_p50_s"]) < 0.81
    assert 0.24 < float(llama["first_token_p95_s"]) < 0.26
    assert (llama["cold_starts"], llama["cost"], llama["currency"]) == ("2", "", "")
    assert (gpt["cold_starts"], gpt["first_token_p50_s"], gpt["cost"], gpt["currency"]) == ("", "", "31.0", "USD")


def test_json_is_what_the_api_has(cockpit):
    rows = [json.loads(line) for line in compared(cockpit, "--json", "--by", "provider")]
    assert [(row["group"]["provider"], row["requests"], row["few"]) for row in rows] == [("ollama", 3, True), ("openai", 1, True)]


def test_lines_for_a_person(cockpit):
    screen, terminal = pty.openpty()
    try:
        arguments = ["compare", "--url", cockpit.page, "--by", "model", "--since", "1h"]
        subprocess.run(
            [PROGRAM, *arguments],
            env=environment(cockpit.folder, TERM="xterm", COLUMNS="160", NO_COLOR="1"),
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            timeout=WAIT_S,
            check=True,
        )
    finally:
        os.close(terminal)
    heading, llama, gpt = shown(screen).splitlines()[:3]
    os.close(screen)
    assert "MODEL" in heading
    assert "TOKENS/S" in heading
    assert "llama3.2:1b" in llama
    assert "33.3 %" in llama
    assert "31 USD" in gpt
    assert heading.index("COST") == gpt.index("31 USD")


def test_nothing_in_that_time(cockpit):
    ended = command("compare", "--url", cockpit.page, "--service", "nobody", home=cockpit.folder)
    assert (ended.returncode, len(ended.stdout.splitlines())) == (0, 1)
    assert "--since 30d looks further back" in ended.stderr


@pytest.mark.parametrize(("option", "value"), [("--since", "noon"), ("--until", "noon"), ("--url", "ftp://x")])
def test_an_option_that_cannot_be(cockpit, option, value):
    ended = command("compare", option, value, home=cockpit.folder)
    assert ended.returncode != 0
    assert f"{option}" in ended.stderr
    assert "Traceback" not in ended.stderr
