"""Why an action cannot be done, in words that name the variable to set."""

import pytest

from venom_otel.control import Action, Controller
from venom_otel.errors import ActionError
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.model import Runtime
from venom_otel.settings import CockpitSettings, RuntimeSettings


def server(name, provider, url):
    return Runtime(name, provider, f"The {name}", parse(url), None, "SOME_ENDPOINT")


@pytest.fixture
def unsupported(tmp_path):
    def ask(runtime, **settings):
        return Controller(RuntimeSettings(**settings), CockpitSettings(), directory=tmp_path).unsupported(runtime)

    return ask


def test_nothing_is_set(unsupported):
    assert unsupported(server("ollama", "ollama", "http://localhost:11434")) == {
        "start": "set OLLAMA_START_COMMAND to what starts it, such as `ollama serve`",
        "stop": "no process of it is known: it does not run, or was not started from here; set OLLAMA_STOP_COMMAND to what stops it",
        "restart": "set OLLAMA_RESTART_COMMAND, or make it possible to stop and start it: no process of it is known: it does not run, or "
        "was not started from here; set OLLAMA_STOP_COMMAND to what stops it; set OLLAMA_START_COMMAND to what starts it, such as "
        "`ollama serve`",
    }


@pytest.mark.parametrize(
    ("name", "provider", "words"),
    [
        ("big", "vllm", "set BIG_START_COMMAND to what starts it, such as `vllm serve models/gemma-3-4b-it --port 9000`"),
        ("llamacpp", "llamacpp", "set LLAMACPP_START_COMMAND to what starts it, such as `llama-server -m model.gguf --port 9000`"),
        ("local", "unknown", "set LOCAL_START_COMMAND to what starts it"),
    ],
)
def test_the_variable_is_the_servers_own(unsupported, name, provider, words):
    assert unsupported(server(name, provider, "http://127.0.0.1:9000"))[Action.START] == words


def test_on_another_machine(unsupported):
    refused = unsupported(server("gpu", "vllm", "http://10.1.2.3:8000/v1"))
    assert refused[Action.START] == (
        "it is on another machine (10.1.2.3:8000): set GPU_START_COMMAND to a command that can start it there, by ssh for instance"
    )
    assert refused[Action.STOP].startswith("it is on another machine")


def test_on_another_machine_by_command(unsupported, monkeypatch):
    monkeypatch.setenv("GPU_START_COMMAND", "ssh gpu systemctl start vllm")
    monkeypatch.setenv("GPU_STOP_COMMAND", "ssh gpu systemctl stop vllm")
    assert unsupported(server("gpu", "vllm", "http://10.1.2.3:8000/v1")) == {}


def test_somebody_elses_service(unsupported):
    assert unsupported(server("openai", "openai", "https://api.openai.com/v1")) == {
        action: f"The openai is somebody else's service, which nobody can {action} from here" for action in Action
    }


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"start", "stop"}, set()),
        ({"start", "restart"}, {"stop"}),
        ({"restart"}, {"start", "stop"}),
        ({"start"}, {"stop", "restart"}),
        ({"stop"}, {"start", "restart"}),
    ],
)
def test_a_restart_is_a_stop_and_a_start(unsupported, given, refused):
    settings = {f"vllm_{action}_command": "true" for action in given}
    assert set(unsupported(server("vllm", "vllm", "http://localhost:8000"), **settings)) == refused


def test_a_command_of_a_found_server_that_cannot_be_used(unsupported, monkeypatch):
    monkeypatch.setenv("VLLM_8001_START_COMMAND", "vllm 'serve")
    words = unsupported(server("vllm-8001", "vllm", "http://localhost:8001"))[Action.START]
    assert words == "VLLM_8001_START_COMMAND cannot be read (no closing quotation): quote it as one would for a shell."


async def test_acting_says_the_same(tmp_path):
    controller = Controller(RuntimeSettings(), CockpitSettings(), directory=tmp_path)
    runtime = server("ollama", "ollama", "http://localhost:11434")

    async def look():
        pytest.fail("what cannot be done needs no look")

    with pytest.raises(ActionError, match="The ollama cannot be told to start: set OLLAMA_START_COMMAND to what starts it"):
        await controller.act(runtime, Action.START, say=lambda _: None, look=look)
    assert list(tmp_path.iterdir()) == []
