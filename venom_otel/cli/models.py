"""`venom-otel models`: which models there are and which is in use; activating, fetching and removing one by the cockpit that runs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote, urlencode

import typer

from venom_otel.cli.acting import cockpit
from venom_otel.cli.client import Client
from venom_otel.cli.model_lines import print_models
from venom_otel.cli.nothing import say
from venom_otel.cli.options import DataDir  # noqa: TC001 - typer reads the annotations
from venom_otel.cli.progress import follow, watch
from venom_otel.cli.running import Running
from venom_otel.cli.running import data_dir as directory_of
from venom_otel.cli.runtimes import Look, run
from venom_otel.errors import SettingsError
from venom_otel.runtimes.friendly import named
from venom_otel.runtimes.names import same_model
from venom_otel.settings import CockpitSettings, InstrumentationSettings, RuntimeSettings, load
from venom_otel.state.model import Kind, OperationState

if TYPE_CHECKING:
    from venom_otel.cli.model_lines import Models

_MODELS: Final = "/api/v1/models"
_OPERATIONS: Final = "/api/v1/operations"
_NO_MODELS: Final = (
    "no model: the servers that are known are offline or have none, which `venom-otel runtimes` tells. "
    "`venom-otel models install gemma3:4b` lets Ollama fetch one."
)
_NO_SERVERS: Final = (
    "no model, since no model server is known: start one, or name one by OLLAMA_ENDPOINT, VLLM_ENDPOINT, LLAMACPP_ENDPOINT or "
    "OPENAI_BASE_URL. `venom-otel runtimes` says where one is looked for."
)
_MOST: Final = 200
"""Operations to look at; those that run are among the newest."""

Name = Annotated[str, typer.Argument(help="Its name, or the one for people: 'Gemma 3 4B It'.")]
Provider = Annotated[str | None, typer.Option("--provider", "-p", help="Whose it is, where several have one of that name: vllm, ollama, …")]
Server = Annotated[str | None, typer.Option("--server", "-s", help="On which server, where several could do it.")]


def models(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, one for each model.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Say which models there are, and which is in use; activate, install or remove one.

    Where `venom-otel up` runs, it is asked, and knows which model answered last; else the servers are, now and from here. In a terminal as
    aligned lines; into a pipe or file with a heading and tabs between the fields.
    """
    if context.invoked_subcommand is not None:
        return
    directory = directory_of(load(CockpitSettings), data_dir)
    running = Running.find(directory)
    if running is None:
        found = _seen_from_here()
    else:
        with Client(running.page) as client:
            found = client.get(_MODELS, {"max_age": 0}, holding="providers")
    print_models(found, as_json=as_json)
    groups = found["providers"].values()
    if not any(group["models"] for group in groups):
        say(_NO_MODELS if any(group["servers"] for group in groups) else _NO_SERVERS)


def activate(name: Name, *, provider: Provider = None, server: Server = None, data_dir: DataDir = None) -> None:
    """Use a model from now on: .env names it, Ollama loads it, vLLM is started anew with it."""
    with cockpit(data_dir) as client:
        whose, model = _found(client, name, provider)
        begun = client.send("POST", f"{_MODELS}/{quote(whose, safe='')}/activate", {"model": model, "server": server}, holding="links")
        follow(client, begun, f"activate {begun['model']} on {begun['server']}")


def install(
    name: Annotated[str, typer.Argument(help="Its name, as its provider has it: gemma3:4b.")],
    *,
    provider: Annotated[str, typer.Option("--provider", "-p", help="Who gets it.")] = "ollama",
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Fetch a model; Ctrl-C ends the waiting, not the fetching, which `venom-otel models cancel` gives up."""
    with cockpit(data_dir) as client:
        begun = client.send("POST", f"{_MODELS}/{quote(provider, safe='')}/install", {"model": name, "server": server}, holding="links")
        follow(client, begun, f"install {begun['model']} on {begun['server']}")


def cancel(
    name: Annotated[str | None, typer.Argument(help="Which model; not needed where only one is being fetched.")] = None,
    *,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Give up fetching a model; what has come stays, so that fetching it again goes on."""
    with cockpit(data_dir) as client:
        begun = _being_fetched(client, name, server)
        client.send("DELETE", begun["links"]["operation"], holding="links")
        ended = watch(client, begun)
    what = f"{begun['model']} on {begun['server']}"
    if ended["state"] != OperationState.CANCELLED:
        typer.echo(f"{what}: {ended['state']} before it could be given up", err=True)
        raise typer.Exit(1)
    print(f"{what}: given up; what has come stays, and `venom-otel models install {begun['model']}` goes on with it")


def remove(
    name: Name,
    *,
    provider: Provider = None,
    server: Server = None,
    force: Annotated[bool, typer.Option("--force", help="Also where it is the model that is configured.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Delete a model from its server's disk."""
    with cockpit(data_dir) as client:
        whose, model = _found(client, name, provider)
        if not yes and not _agreed(model, whose):
            raise typer.Exit(1)
        query = urlencode(({"server": server} if server is not None else {}) | ({"force": "true"} if force else {}))
        path = f"{_MODELS}/{quote(whose, safe='')}/{quote(model, safe='/')}?{query}"
        begun = client.send("DELETE", path, holding="links")
        follow(client, begun, f"remove {begun['model']} from {begun['server']}")


def _found(client: Client, name: str, provider: str | None) -> tuple[str, str]:
    """Whose model is meant, and its name; where nobody has it, or several of one provider do, the cockpit finds the words.

    Raises:
        SettingsError: several providers have one, or no provider is named and none has it.
    """
    if provider is not None:
        return provider, name
    found = client.get(_MODELS, holding="providers")["providers"]
    whose = [each for each, group in found.items() if named(name, _names(group))]
    if len(whose) == 1:
        return whose[0], name
    if whose:
        raise SettingsError(f"{name!r} may be a model of {' or '.join(whose)}: say which with --provider.")
    raise SettingsError(f"there is no model {name!r}: `venom-otel models` lists those there are, `venom-otel models install` gets others.")


def _being_fetched(client: Client, name: str | None, server: str | None) -> dict[str, Any]:
    """The one operation that is meant.

    Raises:
        SettingsError: none is, or several are.
    """
    known: list[dict[str, Any]] = client.get(_OPERATIONS, {"limit": _MOST}, holding="items")["items"]
    under_way = [one for one in reversed(known) if one["kind"] == Kind.INSTALL and one["state"] == OperationState.RUNNING]
    if not under_way:
        raise SettingsError("no model is being fetched: `venom-otel models install` fetches one.")
    meant: list[dict[str, Any]] = [
        one for one in under_way if (name is None or same_model(name, one["model"])) and server in {None, one["server"]}
    ]
    if len(meant) == 1:
        return meant[0]
    if meant and name is not None:
        raise SettingsError(
            f"{name!r} is being fetched on {' and '.join(one['server'] for one in meant)}: say where it is meant with --server."
        )
    listed = " and ".join(f"{one['model']} on {one['server']}" for one in meant or under_way)
    if meant:
        raise SettingsError(f"several models are being fetched, {listed}: name one.")
    raise SettingsError(f"{name or server!r} is not being fetched; {listed} is.")


def _names(group: dict[str, Any]) -> list[str]:
    return [name for model in group["models"] for name in (model["name"], *model["aliases"])]


def _agreed(model: str, provider: str) -> bool:
    if not sys.stdin.isatty():
        raise SettingsError("--yes: there is nobody here to ask; add it if the model is to be deleted.")
    return typer.confirm(f"Delete {model} of {provider}?")


def _seen_from_here() -> Models:
    """What the cockpit would say, as far as it can be seen without one."""
    # Imported here: with a cockpit that runs, none of this is needed.
    from venom_otel.api.catalogue_models import described
    from venom_otel.health import Server as Known
    from venom_otel.health.condition import Now, follow
    from venom_otel.runtimes.model_folders import read_folders
    from venom_otel.services import model_list
    from venom_otel.services.catalogue import Listing
    from venom_otel.services.configuration import InUse
    from venom_otel.services.model_actions import undecided

    settings, aliases = load(RuntimeSettings), load(InstrumentationSettings).server_aliases
    in_use = InUse(settings.llm_model_name, settings.llm_local_endpoint)
    now = Now(time.monotonic(), time.time_ns())
    servers = [
        Known(row.runtime, follow(None, row.reading, now), row.reading, now.wall_ns, 0.0) for row in run(Look(settings, aliases).take())
    ]
    seen = model_list.providers(servers, read_folders(settings.llm_models_dir.expanduser()), in_use, aliases)
    listed = [undecided(provider) for provider in seen]
    found: Models = described(Listing(model_list.configured(in_use, listed, servers, aliases), None, listed)).model_dump(mode="json")
    return found
