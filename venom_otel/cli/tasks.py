"""What answers the tasks of `venom-otel up`, put together."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from venom_otel.instrumentation.instrumentor import VenomInstrumentor
from venom_otel.services.tasks.availability import MonitorAvailability
from venom_otel.services.tasks.choosing import Chooser, Preferences, parse_models
from venom_otel.services.tasks.kernel import KernelAnswers
from venom_otel.services.tasks.limits import Limits
from venom_otel.services.tasks.tasks import Tasks
from venom_otel.state.tasks import KeptTasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.cli.task_telemetry import TaskTelemetry
    from venom_otel.services.configuration import Configuration
    from venom_otel.services.servers import LlmServers
    from venom_otel.settings import CockpitSettings
    from venom_otel.state.store import State


@contextlib.contextmanager
def answered(
    servers: LlmServers, settings: CockpitSettings, telemetry: TaskTelemetry, *, state: State, configuration: Configuration, aliases: str
) -> Iterator[Tasks]:
    """Tasks that are answered by `servers` and recorded by `telemetry`.

    Args:
        servers: the model servers.
        settings: how much there may be at once.
        telemetry: where what is recorded goes.
        state: where tasks are kept.
        configuration: which model is meant to be used.
        aliases: the setting `VENOM_OTEL_SERVER_ALIASES`.

    Raises:
        SettingsError: `VENOM_OTEL_TASK_MODELS` cannot be used.
    """
    # opentelemetry-instrument has it record every chat service of the process, into an SDK that is switched off here.
    if (everything := VenomInstrumentor()).is_instrumented_by_opentelemetry:
        everything.uninstrument()
    models = parse_models(settings.task_models)
    limits = Limits.from_settings(settings)
    with telemetry.recording():
        yield Tasks(
            servers,
            chooser=Chooser(lambda: Preferences(configuration.in_use, models, aliases)),
            answering=KernelAnswers(telemetry, MonitorAvailability(servers.known), stall_s=limits.stall_s),
            telemetry=telemetry,
            kept=KeptTasks(state),
            limits=limits,
        )
