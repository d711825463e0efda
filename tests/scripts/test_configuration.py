"""What the scripts make of the environment and of .env."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values
from scripts.conftest import SCRIPTS
from support.repository import ROOT

from venom_otel.settings import CockpitSettings, RuntimeSettings

KEY = "Zx9-planted.KEY~42"

LINES = [
    "plain",
    "two words",
    "  blanks around  ",
    "before # a comment",
    "a#b",
    '"double # quoted"',
    "'single # quoted' # a comment",
    r'"with \"quotes\" and \\ in it"',
    r"'it\'s'",
    "a=b=c",
    "$(touch gotcha) `touch gotcha` $HOME ; touch gotcha",
    "",
    "windows\r",
]


@pytest.mark.parametrize("line", LINES)
def test_dotenv_is_read_as_python_dotenv_reads_it(vllm_service, line):
    """By a variable of vLLM's own, which the program is given as it is."""
    text = f"# first\n\n  export VLLM_HOST_IP = old\nVLLM_HOST_IP={line}\nnot a line\nUNKNOWN=1\n"
    (vllm_service.folder / ".env").write_bytes(text.encode())
    vllm_service.run("start")
    environment = vllm_service.about()["environment"]
    assert environment["VLLM_HOST_IP"] == dotenv_values(stream=io.StringIO(text.replace("\r", "")))["VLLM_HOST_IP"]
    assert "UNKNOWN" not in environment
    assert not (vllm_service.folder / "gotcha").exists()


def test_the_environment_wins_over_dotenv(vllm_service):
    (vllm_service.folder / ".env").write_text("LLM_MODEL_NAME=no/such-model\nVLLM_HOST_IP=1\nHF_HOME=two\nVENOM_OTEL_RUN_DIR=pids\n")
    vllm_service.run("start", VLLM_HOST_IP="")
    about = vllm_service.about()
    assert about["arguments"][1] == "models/tiny"
    assert about["environment"]["VLLM_HOST_IP"] == ""
    assert about["environment"]["HF_HOME"] == "two"
    assert (vllm_service.folder / "pids" / "vllm.pid").exists()
    vllm_service.run("stop", VLLM_HOST_IP="")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('VLLM_ARGS="--seed 1', "its quote does not end in its line"),
        ("VLLM_ARGS=${OTHER}", "write its value out; ${…} is not replaced here"),
    ],
)
def test_a_dotenv_that_cannot_be_read(vllm_service, line, words):
    (vllm_service.folder / ".env").write_text(f"{line}\n")
    assert vllm_service.run("start", status=6) == f"vllm: .env: VLLM_ARGS: {words}\n"


def test_arguments(vllm_service):
    template = '{"a": "b c"}'
    vllm_service.run("start", VLLM_ARGS=f"""--seed 1  --override '{template}' "two words" a\\ b *.py $HOME""")
    assert vllm_service.about()["arguments"] == [
        *("serve", "models/tiny", "--served-model-name", "models/tiny", "tiny", "--host", "127.0.0.1", "--port", str(vllm_service.port)),
        *("--seed", "1", "--override", template, "two words", "a b", "*.py", "$HOME"),
    ]


@pytest.mark.parametrize("arguments", ["--seed 'one", '"'])
def test_arguments_with_a_quote_too_many(vllm_service, arguments):
    assert vllm_service.run("start", status=6, VLLM_ARGS=arguments) == "vllm: VLLM_ARGS: a quote in it does not end\n"


@pytest.mark.parametrize("arguments", ["--api-key {}", "--seed 1 --api-key={}", "--api_key {}"])
def test_a_key_is_no_argument(vllm_service, arguments):
    said = vllm_service.run("start", status=6, VLLM_ARGS=arguments.format(KEY))
    assert "set VLLM_API_KEY instead" in said
    assert KEY not in said


def test_a_key_comes_by_the_environment(vllm_service):
    (vllm_service.folder / ".env").write_text(f"VLLM_API_KEY={KEY}\n")
    said = vllm_service.run("start")
    about = vllm_service.about()
    assert about["environment"]["VLLM_API_KEY"] == KEY
    assert KEY not in said + " ".join(about["arguments"]) + vllm_service.log.read_text()


def test_the_server_is_given_none_of_our_own_variables(vllm_service):
    """VLLM warns of each unknown one that begins with its own prefix."""
    commands = {f"VLLM_{action}_COMMAND": "x" for action in ("START", "STOP", "RESTART")}
    vllm_service.run("start", VLLM_ARGS="--seed 1", **commands)
    assert [name for name in vllm_service.about()["environment"] if name.startswith("VLLM_")] == []


MODELS = [
    ("models/tiny", "models/tiny", ["models/tiny", "tiny"]),
    ("models/tiny/", "models/tiny/", ["models/tiny/", "tiny"]),
    ("tiny", "models/tiny", ["tiny", "models/tiny"]),
    ("{folder}/models/tiny", "{folder}/models/tiny", ["{folder}/models/tiny", "tiny"]),
    ("models/two words", "models/two words", ["models/two words", "two words"]),
    ("google/gemma-3-4b-it", "google/gemma-3-4b-it", ["google/gemma-3-4b-it", "gemma-3-4b-it"]),
]


@pytest.mark.parametrize(("configured", "loaded", "names"), MODELS, ids=[model for model, _, _ in MODELS])
def test_models(vllm_service, configured, loaded, names):
    """The application asks for LLM_MODEL_NAME, so that name comes first: it is the one in replies."""
    (vllm_service.folder / "models" / "two words").mkdir()
    vllm_service.run("start", LLM_MODEL_NAME=configured.format(folder=vllm_service.folder))
    arguments = vllm_service.about()["arguments"]
    named = arguments[arguments.index("--served-model-name") + 1 : arguments.index("--host")]
    assert arguments[1] == loaded.format(folder=vllm_service.folder)
    assert named == [name.format(folder=vllm_service.folder) for name in names]


@pytest.mark.parametrize("model", ["", "no-such-model", "models/no-such-model", "--trust-remote-code", "a\nb", "a b", "gemma3:4b"])
def test_no_model(vllm_service, model):
    assert vllm_service.run("start", status=6, LLM_MODEL_NAME=model).startswith("vllm: LLM_MODEL_NAME")
    assert not vllm_service.pid_file.exists()


def test_a_restart_that_cannot_work_stops_nothing(vllm_service):
    vllm_service.run("start")
    pid = vllm_service.pid()
    assert "there is no folder gone or models/gone" in vllm_service.run("restart", status=6, LLM_MODEL_NAME="gone")
    assert vllm_service.about()
    assert vllm_service.pid() == pid


ENDPOINTS = [
    ("http://127.0.0.1:{port}", "127.0.0.1"),
    ("http://localhost:{port}/v1", "localhost"),
    ("big=http://gpu-1:8000,http://127.0.0.1:{port}/v1", "127.0.0.1"),
    ("small=http://127.0.0.1:{port} , big=http://gpu-1:8000", "127.0.0.1"),
    ("127.0.0.1:{port}", "127.0.0.1"),
    ("http://0.0.0.0:{port}", "0.0.0.0"),
]


@pytest.mark.parametrize(("endpoint", "host"), ENDPOINTS, ids=[endpoint for endpoint, _ in ENDPOINTS])
def test_endpoints(vllm_service, endpoint, host):
    vllm_service.run("start", VLLM_ENDPOINT=endpoint.format(port=vllm_service.port))
    arguments = vllm_service.about()["arguments"]
    assert arguments[arguments.index("--host") + 1 :] == [host, "--port", str(vllm_service.port)]


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("http://gpu-1:8000", "VLLM_ENDPOINT names gpu-1, another machine: vLLM is started there, not here"),
        (f"http://me:{KEY}@localhost:8000", "this is not an address like http://localhost:8000"),
        ("http://localhost:0", "VLLM_ENDPOINT: there is no port 0"),
        ("http://localhost:70000", "VLLM_ENDPOINT: there is no port 70000"),
        ("http://localhost:x", "this is not an address like http://localhost:8000"),
    ],
)
def test_endpoints_that_are_none_of_ours(vllm_service, endpoint, words):
    said = vllm_service.run("start", status=6, VLLM_ENDPOINT=endpoint)
    assert words in said
    assert KEY not in said


@pytest.mark.parametrize(("name", "words"), [("vllm", "pip install vllm"), ("ollama", "https://ollama.com/download")])
def test_a_program_that_is_not_installed(vllm_service, name, words):
    vllm_service.name = name
    for variables in ({}, {"VLLM_COMMAND": "./no-such-program", "OLLAMA_COMMAND": "./no-such-program"}):
        said = vllm_service.run("start", status=5, OLLAMA_ENDPOINT=vllm_service.url, **{"VLLM_COMMAND": "", **variables})
        assert "is not installed: there is no program" in said
        assert words in said
        assert f"{name.upper()}_COMMAND=" in said


def test_the_scripts_are_clean():
    program = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([program, "-x", *SCRIPTS.glob("*.sh")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_scripts_own_variables_are_documented():
    """Those that are no settings are in docs/scripts.md, and in .env.example."""
    settings = {name.upper() for name in RuntimeSettings.model_fields} | {
        f"VENOM_OTEL_{name.upper()}" for name in CockpitSettings.model_fields
    }
    used = {
        name for path in SCRIPTS.glob("*.sh") for name in re.findall(r"\$\{((?:VENOM_OTEL|VLLM|OLLAMA|LLM)_[A-Z_]+):-", path.read_text())
    }
    own = set(re.findall(r"(?m)^\| `([A-Z_]+)`", (ROOT / "docs" / "scripts.md").read_text()))
    assert own == used - settings
    assert own <= set(re.findall(r"(?m)^# ([A-Z_]+)=", (ROOT / ".env.example").read_text()))
