"""Which variable names which command, and what of a command is shown."""

import pytest

from venom_otel.control.commands import Commands, secrets_of_environment
from venom_otel.control.model import Action
from venom_otel.errors import SettingsError
from venom_otel.settings import RuntimeSettings


def commands(**settings):
    return Commands(RuntimeSettings(**settings))


def test_a_command_is_argv():
    command = commands(vllm_start_command="vllm serve 'my model' --port 8001 $HOME *").of("vllm", Action.START)
    assert command.argv == ("vllm", "serve", "my model", "--port", "8001", "$HOME", "*")
    assert command.variable == "VLLM_START_COMMAND"


def test_a_variable_that_is_not_set():
    assert commands().of("vllm", Action.START) is None
    assert commands(vllm_start_command="  ").of("vllm", Action.START) is None


def test_named_servers_have_their_own(monkeypatch):
    monkeypatch.setenv("GPU_BOX_2_STOP_COMMAND", "ssh gpu systemctl stop vllm")
    some = commands(vllm_endpoint="http://a:8000,gpu-box.2=http://gpu:8000", vllm_stop_command="true")
    assert some.of("gpu-box.2", Action.STOP).argv == ("ssh", "gpu", "systemctl", "stop", "vllm")
    assert some.of("vllm", Action.STOP).argv == ("true",)
    assert some.of("vllm-2", Action.STOP) is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ollama 'serve", "cannot be read (no closing quotation)"),
        ("ollama serve \\", "cannot be read (no escaped character)"),
        ("cd /models && vllm serve x", "has a '&&' in it, but no shell reads it"),
        ("ollama serve > log", "has a '>' in it"),
        ("'' serve", "begins with an empty word"),
        ("ollama\0 serve", "has a NUL in it"),
    ],
)
def test_unusable_ones_are_refused_at_the_start(line, words):
    with pytest.raises(SettingsError) as refused:
        commands(llamacpp_restart_command=line)
    assert str(refused.value).startswith("LLAMACPP_RESTART_COMMAND ")
    assert words in str(refused.value)


def test_those_of_named_servers_too(monkeypatch):
    monkeypatch.setenv("BIG_START_COMMAND", 'vllm serve "x')
    with pytest.raises(SettingsError, match="BIG_START_COMMAND cannot be read"):
        commands(vllm_endpoint="big=http://localhost:8000")


def test_one_variable_is_not_for_two_servers(monkeypatch):
    monkeypatch.setenv("GPU_1_START_COMMAND", "true")
    with pytest.raises(SettingsError, match=r"GPU_1_START_COMMAND could be of gpu-1 or of gpu\.1; rename one of them"):
        commands(vllm_endpoint="gpu-1=http://a:8000,gpu.1=http://b:8000")
    monkeypatch.delenv("GPU_1_START_COMMAND")
    commands(vllm_endpoint="gpu-1=http://a:8000,gpu.1=http://b:8000")


@pytest.mark.parametrize(
    ("line", "shown", "secrets"),
    [
        ("vllm serve 'my model' --api-key abc123 --port 8001", "vllm serve 'my model' --api-key *** --port 8001", ["abc123"]),
        ("vllm serve x --api-key one1 two2 --port 8001", "vllm serve x --api-key *** *** --port 8001", ["one1", "two2"]),
        ("llama-server --api-key=abc123", "llama-server --api-key=***", ["abc123"]),
        ("env VLLM_API_KEY=abc123 vllm serve x", "env VLLM_API_KEY=*** vllm serve x", ["abc123"]),
        ("curl http://me:hunter2@gpu:8000/start", "curl http://***@gpu:8000/start", []),
        ("vllm serve x --max-tokens 5 --ssl-keyfile k.pem", "vllm serve x --max-tokens 5 --ssl-keyfile k.pem", []),
    ],
)
def test_credentials_are_not_shown(line, shown, secrets):
    command = commands(vllm_start_command=line).of("vllm", Action.START)
    assert command.shown() == shown
    assert list(command.secrets()) == secrets


def test_what_the_environment_keeps_secret(monkeypatch):
    for name, value in (
        ("HF_TOKEN", "abcdefgh"),
        ("MY_DB_PWD", "opensesame"),
        ("SHORT_KEY", "on"),
        ("PWD", "/home/somebody"),
        ("KEYS", "abcdefghi"),
    ):
        monkeypatch.setenv(name, value)
    found = set(secrets_of_environment())
    assert {"abcdefgh", "opensesame"} <= found
    assert found.isdisjoint({"on", "/home/somebody", "abcdefghi"})
