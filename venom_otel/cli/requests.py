"""`venom-otel requests`: the list of requests in the terminal, from a running cockpit."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from venom_otel.cli.client import Client, Query
from venom_otel.cli.listing import Item, printer
from venom_otel.cli.options import asked_status
from venom_otel.cli.running import Running, data_dir
from venom_otel.errors import CockpitError, SettingsError
from venom_otel.services.history import MAX_LIMIT
from venom_otel.settings import CockpitSettings, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_WAIT_S: Final = 25
"""How long one call waits for the next request."""

_RETRY_S: Final = 0.5


def requests(
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new requests as they come, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, as the API has it.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, max=MAX_LIMIT, help="At most so many of the past.")] = 20,
    status: Annotated[str | None, typer.Option(help="Only these: completed, failed or cancelled.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only those this provider answered, such as ollama.")] = None,
    model: Annotated[str | None, typer.Option(help="Only those that asked for this model.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only those to this base URL.")] = None,
    service: Annotated[str | None, typer.Option(help="Only those of this application.")] = None,
    error_kind: Annotated[str | None, typer.Option(help="Only failures of this kind, such as model_not_found.")] = None,
    url: Annotated[
        str | None, typer.Option(envvar="VENOM_OTEL_URL", help="Address of the cockpit.", show_default="http://127.0.0.1:8765")
    ] = None,
) -> None:
    """List the newest requests, the newest last.

    In a terminal as aligned lines; into a pipe or file with a heading and tabs between the fields.
    """
    which: Query = {
        name: value
        for name, value in {
            "status": asked_status(status),
            "provider": provider,
            "model": model,
            "endpoint": endpoint,
            "service": service,
            "error_kind": error_kind,
        }.items()
        if value is not None
    }
    with Client(_checked(url) if url else _address()) as client:
        page = client.requests(which | {"limit": max(limit, 1)})
        show = printer(as_json=as_json)
        show(reversed(page["items"][:limit]))
        if follow:
            with contextlib.suppress(KeyboardInterrupt):
                _follow(client, which, page["newer"], show)


def _follow(client: Client, which: Query, newer: int, show: Callable[[Iterable[Item]], None]) -> None:
    """Print what arrives, without an end; a cockpit that goes away is waited for."""
    away = False
    while True:
        try:
            page = client.requests(which | {"after": newer, "limit": MAX_LIMIT}, wait_s=_WAIT_S)
        except CockpitError as error:
            if not away:
                print(f"venom-otel: {error} Waiting for it.", file=sys.stderr, flush=True)
            away = True
            time.sleep(_RETRY_S)
            continue
        away = False
        show(page["items"])
        newer = page["newer"]


def _checked(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"--url {url}: it must look like http://127.0.0.1:8765.")
    return url


def _address() -> str:
    """Of the cockpit that runs on this machine's data, else where one would be."""
    settings = load(CockpitSettings)
    running = Running.find(data_dir(settings))
    return running.page if running is not None else f"http://{settings.host}:{settings.port}"
