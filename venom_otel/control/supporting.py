"""What can be done with a server, and why the rest cannot: in words that name the variable to set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel.control.commands import variable
from venom_otel.control.model import Action
from venom_otel.errors import SettingsError
from venom_otel.identity.endpoint import parse
from venom_otel.identity.model import LLAMACPP, OLLAMA, VLLM
from venom_otel.runtimes.failures import place
from venom_otel.runtimes.names import OPENAI
from venom_otel.runtimes.protocol import Ability
from venom_otel.runtimes.registry import adapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venom_otel.control.commands import Commands
    from venom_otel.runtimes.model import Runtime

_STARTED_BY: Final = {
    OLLAMA: "`ollama serve`",
    VLLM: "`vllm serve models/gemma-3-4b-it --port {port}`",
    LLAMACPP: "`llama-server -m model.gguf --port {port}`",
}


def unsupported(runtime: Runtime, commands: Commands, *, lives: bool, gone: bool = False) -> Mapping[Action, str]:
    """Why each action cannot be done; one that is not in it can be.

    Args:
        runtime: the server.
        commands: those of the settings.
        lives: whether a process of it is known, which a signal ends.
        gone: whether it is known that nothing is there to be stopped, so that starting it is all that a restart takes.
    """
    refused: dict[Action, str] = {}
    set_: set[Action] = set()
    for action in Action:
        try:
            if commands.of(runtime.name, action) is not None:
                set_.add(action)
                continue
        except SettingsError as error:
            refused[action] = str(error)
            continue
        if action is Action.STOP and lives:
            continue
        if action is Action.RESTART:
            if Action.START in refused or (Action.STOP in refused and not gone):
                refused[action] = _without_restart(runtime, refused)
        else:
            refused[action] = _without(runtime, action)
    return refused


def _without(runtime: Runtime, action: Action) -> str:
    if _is_somebody_elses(runtime):
        return f"{runtime.label} is somebody else's service, which nobody can {action} from here"
    name = variable(runtime.name, action)
    if not is_here(runtime):
        return (
            f"it is on another machine ({place(runtime.endpoint)}): set {name} to a command that can {action} it there, by ssh for instance"
        )
    if action is Action.STOP:
        return f"no process of it is known: it does not run, or was not started from here; set {name} to what stops it"
    example = _STARTED_BY.get(runtime.provider)
    return f"set {name} to what starts it{f', such as {example.format(port=runtime.endpoint.port)}' if example else ''}"


def _without_restart(runtime: Runtime, refused: Mapping[Action, str]) -> str:
    if _is_somebody_elses(runtime):
        return f"{runtime.label} is somebody else's service, which nobody can {Action.RESTART} from here"
    why = "; ".join(refused[action] for action in (Action.STOP, Action.START) if action in refused)
    return f"set {variable(runtime.name, Action.RESTART)}, or make it possible to stop and start it: {why}"


def _is_somebody_elses(runtime: Runtime) -> bool:
    if Ability.RUN_HERE in adapter(runtime.provider).abilities:
        return False
    return runtime.provider == OPENAI or not is_here(runtime)


def is_here(runtime: Runtime) -> bool:
    """Whether a server is on this machine, by its address."""
    endpoint = runtime.endpoint
    return parse(f"http://127.0.0.1:{endpoint.port}").server == endpoint.server
