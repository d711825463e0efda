"""`venom-otel up`: the page, the API and the receiver in one process, until a signal ends it."""

from __future__ import annotations

import contextlib
import gc
import ipaddress
import logging
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from venom_otel.cli.banner import Ready, announce
from venom_otel.cli.descriptors import allow_many
from venom_otel.cli.dotenv_file import FILE, DotenvConfiguration, from_dotenv
from venom_otel.cli.ports import listen, reserve
from venom_otel.cli.running import Running, data_dir
from venom_otel.cli.untraced import without_sdk
from venom_otel.errors import StoreError
from venom_otel.settings import CockpitSettings, InstrumentationSettings, load

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection, Mapping

STORE: Final = "telemetry.sqlite3"
_NEW_OBJECTS: Final = 10_000
"""That the garbage collector waits for, instead of Python's 700: one request of 512 spans makes more of them."""

_log = logging.getLogger(__name__)


def up(
    context: typer.Context,
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.", show_default="8765")] = None,
    otlp_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the OTLP receiver, HTTP; 0 takes a free one.", show_default="4318")
    ] = None,
    otlp_grpc_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the OTLP receiver, gRPC; 0 takes a free one.", show_default="4317")
    ] = None,
    otlp_grpc: Annotated[bool | None, typer.Option(help="Receive OTLP over gRPC too.", show_default="--otlp-grpc")] = None,
    data: Annotated[
        Path | None, typer.Option("--data-dir", file_okay=False, help="Where telemetry is kept.", show_default="the user's data directory")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print where everything is as one line of JSON, and nothing else.")] = False,
) -> None:
    """Show the page and listen for telemetry, until Ctrl-C.

    Every option can also be set as a variable: VENOM_OTEL_HOST, VENOM_OTEL_PORT and so on.
    """
    known = from_dotenv(context)
    run(
        known,
        {
            "host": host,
            "port": port,
            "otlp_port": otlp_port,
            "otlp_grpc_port": otlp_grpc_port,
            "otlp_grpc": otlp_grpc,
            "data_dir": data,
        },
        as_json=as_json,
    )


def run(known: Collection[str], given: Mapping[str, object], *, as_json: bool) -> None:
    """Do what the command does.

    Args:
        known: the variables that were read from `.env`; the others overrule it.
        given: settings by name; what is None is left as the variables have it.
        as_json: as for the command.
    """
    without_sdk(known)
    settings = load(CockpitSettings).model_copy(update={name: value for name, value in given.items() if value is not None})
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # All ports are taken before anything else is opened: what cannot start leaves nothing behind.
    with contextlib.ExitStack() as sockets:

        def taken(sock: socket.socket) -> socket.socket:
            return sockets.enter_context(contextlib.closing(sock))

        listening = _Listening(
            taken(listen(settings.host, settings.port, "--port")),
            taken(listen(settings.host, settings.otlp_port, "--otlp-port")),
            taken(reserve(settings.host, settings.otlp_grpc_port, "--otlp-grpc-port")) if settings.otlp_grpc else None,
        )
        configuration = DotenvConfiguration(Path.cwd() / FILE, known)
        options = frozenset(f"VENOM_OTEL_{name.upper()}" for name, value in given.items() if value is not None)
        _run(settings, configuration, options, listening, as_json=as_json)


class _Listening(NamedTuple):
    """The sockets of one `venom-otel up`."""

    page: socket.socket
    otlp: socket.socket
    grpc: socket.socket | None
    """None where OTLP is not taken over gRPC."""

    @property
    def otlp_ports(self) -> frozenset[int]:
        """Those of the receiver."""
        return frozenset(int(one.getsockname()[1]) for one in (self.otlp, self.grpc) if one is not None)


def _run(
    settings: CockpitSettings,
    configuration: DotenvConfiguration,
    options: frozenset[str],
    listening: _Listening,
    *,
    as_json: bool,
) -> None:
    # gRPC's own lines, about forks and closed connections, are not for whoever reads this; read when it is first imported.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    allow_many()
    # Imported here: other commands, and errors in the lines above, need not wait for a second of imports.
    from venom_otel import __version__
    from venom_otel.api import create_app
    from venom_otel.api.session import PageSession
    from venom_otel.cli import monitoring, task_telemetry
    from venom_otel.cli.sending import Elsewhere, instance
    from venom_otel.cli.serve import serve
    from venom_otel.cli.tasks import answered
    from venom_otel.cli.token import token
    from venom_otel.cockpit import page
    from venom_otel.cockpit.lite import lite_page
    from venom_otel.control import Controller
    from venom_otel.receiver import AllowedHosts, IngestService, create_receiver, start_grpc
    from venom_otel.runtimes.reading import read
    from venom_otel.services.active import ActiveModel
    from venom_otel.services.active_model import LastAnswered
    from venom_otel.services.alerts.keeping import StateKeeper
    from venom_otel.services.alerts.watch import Alerts
    from venom_otel.services.alerts.webhook import Webhook
    from venom_otel.services.catalogue import Catalogue
    from venom_otel.services.events import Events
    from venom_otel.services.history import History
    from venom_otel.services.in_force import InForce, Installation
    from venom_otel.services.model_actions import own_model
    from venom_otel.services.offered import Services
    from venom_otel.services.operations import Operations
    from venom_otel.services.prices import Prices
    from venom_otel.services.servers import LlmServers
    from venom_otel.state.store import FILE as STATE
    from venom_otel.state.store import State
    from venom_otel.store.combined import CombinedStore
    from venom_otel.store.embedded import EmbeddedStore
    from venom_otel.store.prometheus import PrometheusStore
    from venom_otel.store.tempo import TempoStore

    watched = monitoring.Watched(settings)
    controller = Controller(watched.runtimes, settings, directory=Path.cwd())  # where the `.env` is read
    directory = data_dir(settings)
    with (
        EmbeddedStore.from_settings(directory / STORE, settings) as store,  # first: it lets no other program in
        State(directory / STATE) as state,
        contextlib.ExitStack() as until_the_end,
    ):
        running = Running(
            pid=os.getpid(),
            page=_url(settings.host, listening.page),
            otlp=_url(settings.host, listening.otlp),
            otlp_grpc=_url(settings.host, listening.grpc) if listening.grpc else None,
            token=token(settings, directory),
        )

        def ready() -> None:
            path = None
            try:
                path = until_the_end.enter_context(running.written(directory))
            except StoreError as error:  # a full disk: what is stored can still be read
                _log.warning("%s Until then other commands need --url.", error)
            announce(Ready(running, data_dir=directory, file=path, host=settings.host), as_json=as_json)
            _spare_the_collector()

        live = History(store)
        history = live
        if settings.tempo_url or settings.prometheus_url:
            combined = CombinedStore(
                store,
                requests=TempoStore(settings.tempo_url, settings.tempo_days) if settings.tempo_url else None,
                figures=PrometheusStore(settings.prometheus_url, settings.prometheus_days) if settings.prometheus_url else None,
            )
            history = History(until_the_end.enter_context(contextlib.closing(combined)), live=store)

        def end_waiting() -> None:
            services.end_waiting()
            live.end_waiting()

        operations = Operations(state)
        monitor = watched.monitor(controller.watching(read, keeping=True), lambda runtime: operations.stopped(runtime.name))
        last_answered = LastAnswered(live)
        own = instance(directory)
        elsewhere = Elsewhere(settings.host, listening.otlp_ports)
        until_the_end.enter_context(
            monitoring.into(
                store,
                monitor,
                watched.active(last_answered, lambda: configuration.in_use),
                instance=own,
                sending=elsewhere.metrics(monitoring.INTERVAL_S),
            )
        )
        until_the_end.enter_context(monitor)
        servers = LlmServers(monitor, controller, operations, partial(own_model, configuration, watched.aliases))
        alerts = Alerts(live, servers, StateKeeper(state), meant=operations.stopped)
        telemetry = task_telemetry.TaskTelemetry(store, instance=own, sending=elsewhere.everything(task_telemetry.INTERVAL_S))
        tasks = until_the_end.enter_context(
            answered(servers, settings, telemetry, state=state, configuration=configuration, aliases=watched.aliases)
        )
        catalogue = Catalogue(
            servers,
            operations,
            controller,
            configuration,
            last_answered,
            models_dir=watched.runtimes.llm_models_dir.expanduser(),
            aliases=watched.aliases,
        )
        services = Services(
            history=history,
            servers=servers,
            operations=operations,
            catalogue=catalogue,
            active_model=ActiveModel(catalogue, live),
            alerts=alerts,
            webhook=Webhook.from_settings(settings, page=running.page),
            events=Events(live, servers, alerts),
            tasks=tasks,
            prices=Prices(settings.prices) if settings.prices is not None else None,
            in_force=InForce(
                Installation(__version__, running.page, running.otlp, running.otlp_grpc, directory, Path.cwd() / FILE),
                {"Cockpit": settings, "Model servers": watched.runtimes, "Instrumentation": load(InstrumentationSettings)},
                options=options,
                environment=os.environ,
                from_file=lambda: configuration.from_file,
                in_use=lambda: configuration.in_use,
            ),
        )
        session = PageSession()
        application = create_app(services, settings, token=running.token, session=session)
        lite_page.mount(application, services, welcome=session.give)
        page.mount(application, services, otlp_address=running.otlp)
        service = IngestService.from_settings(store, settings, own=own)
        serve(
            [(application, listening.page), (create_receiver(service, AllowedHosts.from_settings(settings)), listening.otlp)],
            start_grpc=partial(start_grpc, service, listening.grpc) if listening.grpc else None,
            on_ready=ready,
            beside=services.watch,
            on_end=end_waiting,
            on_ended=services.close,
        )


def _spare_the_collector() -> None:
    """What was made until now stays to the end: the garbage collector need not look at it again, nor come for every few objects.

    It had a seventh of the time that taking in telemetry took, most of it for the page's and the API's own objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


def _url(host: str, sock: socket.socket) -> str:
    """An address that works on this machine; a socket on all addresses is reached by the loopback one."""
    with contextlib.suppress(ValueError):  # a name
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1" if isinstance(address, ipaddress.IPv4Address) else "::1"
        if isinstance(address, ipaddress.IPv6Address):
            host = f"[{host}]"
    return f"http://{host}:{sock.getsockname()[1]}"
