"""`venom-otel requests`: the list of requests in the terminal, from a running cockpit."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from venom_otel.cli.client import Client, Query, cockpit_address
from venom_otel.cli.listing import Item, printer
from venom_otel.cli.nothing import no_request, say
from venom_otel.cli.options import asked_status, instant
from venom_otel.errors import CockpitError, SettingsError
from venom_otel.services.history import MAX_LIMIT

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
    since: Annotated[str | None, typer.Option(help="Only those that began then or later: a time, or how long ago, such as 15m.")] = None,
    until: Annotated[str | None, typer.Option(help="Only those that began then or earlier.")] = None,
    text: Annotated[str | None, typer.Option(help="Only those in whose span this stands, anywhere; upper and lower case are one.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="Only those with this attribute, as NAME=VALUE; may be given several times.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(envvar="VENOM_OTEL_URL", help="Address of the cockpit.", show_default="http://127.0.0.1:8765")
    ] = None,
) -> None:
    """List the newest requests, the newest last.

    In a terminal as aligned lines; into a pipe or file with a heading and tabs between the fields.
    """
    if follow and until is not None:
        raise SettingsError("--until and --follow: what comes from now on has no end to wait for. Leave one of them out.")
    now_ns = time.time_ns()
    for option, words in (("--since", since), ("--until", until)):
        instant(option, words, now_ns)
    which: Query = {
        name: value
        for name, value in {
            "status": asked_status(status),
            "provider": provider,
            "model": model,
            "endpoint": endpoint,
            "service": service,
            "error_kind": error_kind,
            "since": since,
            "until": until,
            "text": text,
            "attribute": attribute,
        }.items()
        if value
    }
    with Client(cockpit_address(url)) as client:
        items, newer = _newest(client, which, limit)
        show = printer(as_json=as_json, heading=bool(items) or follow)
        show(reversed(items))
        if not items and limit and not follow:
            say(no_request(client, "no request matches: leave out a filter, or take a longer time."))
        if follow:
            with contextlib.suppress(KeyboardInterrupt):
                _follow(client, which, newer, show)


def _newest(client: Client, which: Query, limit: int) -> tuple[list[Item], int]:
    """The newest requests, newest first, and where to go on from; a search looks at a part of the history at a time."""
    page = client.requests(which | {"limit": max(limit, 1)})
    items, newer = page["items"], page["newer"]
    while len(items) < limit and page["older"] is not None and page["missing"] is None:
        page = client.requests(which | {"limit": limit - len(items), "before": page["older"]})
        items += page["items"]
    if page["missing"] is not None:
        print(f"venom-otel: {page['missing']}", file=sys.stderr, flush=True)
    return items[:limit], newer


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
