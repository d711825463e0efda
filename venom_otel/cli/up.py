"""`venom-otel up`: the page, the API and the receiver in one process, until a signal ends it."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Final

import platformdirs
import typer

from venom_otel.cli.banner import Ready, announce
from venom_otel.cli.ports import listen
from venom_otel.settings import CockpitSettings, load

if TYPE_CHECKING:
    import socket

_STORE: Final = "telemetry.sqlite3"


def up(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.", show_default="8765")] = None,
    otlp_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the OTLP receiver; 0 takes a free one.", show_default="4318")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(file_okay=False, help="Where telemetry is kept.", show_default="the user's data directory")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print where everything is as one line of JSON, and nothing else.")] = False,
) -> None:
    """Show the page and listen for telemetry, until Ctrl-C.

    Every option can also be set as a variable: VENOM_OTEL_HOST, VENOM_OTEL_PORT and so on.
    """
    given = {"host": host, "port": port, "otlp_port": otlp_port, "data_dir": data_dir}
    settings = load(CockpitSettings).model_copy(update={name: value for name, value in given.items() if value is not None})
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # Both ports are taken before anything else is opened: what cannot start leaves nothing behind.
    with (
        contextlib.closing(listen(settings.host, settings.port, "--port")) as page_socket,
        contextlib.closing(listen(settings.host, settings.otlp_port, "--otlp-port")) as otlp_socket,
    ):
        where = Ready(
            page=_url(settings.host, page_socket),
            otlp=_url(settings.host, otlp_socket),
            data_dir=(settings.data_dir or platformdirs.user_data_path("venom-otel", appauthor=False)).expanduser().absolute(),
            pid=os.getpid(),
            host=settings.host,
        )
        _run(settings, where, page_socket, otlp_socket, as_json=as_json)


def _run(settings: CockpitSettings, where: Ready, page_socket: socket.socket, otlp_socket: socket.socket, *, as_json: bool) -> None:
    # Imported here: other commands, and errors in the lines above, need not wait for a second of imports.
    from venom_otel.api import create_app
    from venom_otel.cli.serve import serve
    from venom_otel.cockpit import page
    from venom_otel.receiver import create_receiver
    from venom_otel.services.history import History
    from venom_otel.store.embedded import EmbeddedStore

    with EmbeddedStore(where.data_dir / _STORE, min_free_bytes=settings.min_free_bytes, max_queue_bytes=settings.max_queue_bytes) as store:
        history = History(store)
        application = create_app(history, settings)
        page.mount(application, history, otlp_address=where.otlp)
        serve(
            [(application, page_socket), (create_receiver(store, settings), otlp_socket)],
            on_ready=lambda: announce(where, as_json=as_json),
            on_end=history.end_waiting,
        )


def _url(host: str, sock: socket.socket) -> str:
    """An address that works on this machine; a socket on all addresses is reached by the loopback one."""
    with contextlib.suppress(ValueError):  # a name
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1" if isinstance(address, ipaddress.IPv4Address) else "::1"
        if isinstance(address, ipaddress.IPv6Address):
            host = f"[{host}]"
    return f"http://{host}:{sock.getsockname()[1]}"
