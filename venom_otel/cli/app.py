"""The command line's entry: what every command shares, and the list of commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from dotenv import load_dotenv

from venom_otel.cli import acting, models
from venom_otel.cli.compare import compare
from venom_otel.cli.demo import demo
from venom_otel.cli.doctor import doctor
from venom_otel.cli.dotenv_file import FILE
from venom_otel.cli.export import export
from venom_otel.cli.grafana import grafana
from venom_otel.cli.imports import import_
from venom_otel.cli.init import init
from venom_otel.cli.monitor import monitor
from venom_otel.cli.purge import purge
from venom_otel.cli.requests import requests
from venom_otel.cli.runtimes import runtimes
from venom_otel.cli.up import up

app = typer.Typer(
    name="venom-otel",
    help="See which model server and which model answered, how long it took, and why a request failed.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    # An error of ours is one line of words (see `venom_otel.cli.main`); any other shows Python's own traceback, for a bug report.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def read_dotenv(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")] = False,  # noqa: ARG001 - done by its callback
) -> None:
    """See which model server and which model answered, how long it took, and why a request failed.

    Settings come from options, then VENOM_OTEL_* variables, then a file `.env` in the working directory.
    """
    before = frozenset(os.environ)
    load_dotenv(Path.cwd() / FILE)
    context.obj = frozenset(os.environ) - before  # what may be changed in it, and what the doctor says


@app.command()
def version() -> None:
    """Print the version."""
    from venom_otel import __version__

    print(__version__)


# In the list of commands there is room for a line each: what is longer says it in short.
app.command()(up)
app.command()(demo)
app.command(short_help="Write .env and the scripts for vLLM and Ollama.")(init)
app.command()(requests)
app.command(short_help="Compare models and servers: speed, failures, cost.")(compare)
app.command(short_help="Write what is stored, as OTLP or as a list.")(export)
app.command("import", short_help="Store what files hold.")(import_)
app.command(short_help="Delete what is stored, all or up to a time.")(purge)
app.command(short_help="Watch the model servers and send what is seen.")(monitor)
app.command()(doctor)

kept = typer.Typer()
kept.callback(invoke_without_command=True)(models.models)
kept.command(short_help="Use a model from now on.")(models.activate)
kept.command(short_help="Fetch a model.")(models.install)
kept.command(short_help="Give up fetching a model.")(models.cancel)
kept.command()(models.remove)
app.add_typer(kept, name="models", short_help="List, activate, fetch and remove models.")

servers = typer.Typer()
servers.callback(invoke_without_command=True)(runtimes)
servers.command(short_help="Start a model server, and wait until it is online.")(acting.start)
servers.command(short_help="Stop a model server, and wait until it is gone.")(acting.stop)
servers.command(short_help="Restart a model server.")(acting.restart)
app.add_typer(servers, name="runtimes", short_help="Say how the model servers are; start and stop them.")
app.add_typer(grafana, name="grafana", short_help="Dashboards and alert rules for your Grafana.")
