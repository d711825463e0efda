"""`venom-otel doctor`: looks at everything between an application and the page, and says what would mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from venom_otel.cli.doctor.findings import Report
from venom_otel.errors import SettingsError


def doctor(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with everything that was found.")] = False,
) -> None:
    """Say what works, what does not, and how to mend it.

    Run it where the application runs: it reads the same variables, and sends a span, a measurement and a log record the way the application
    would. Exit status 1 when something is broken.
    """
    from venom_otel.cli.doctor import delivery, machine, servers, variables, versions
    from venom_otel.cli.running import Running, data_dir
    from venom_otel.settings import CockpitSettings, load

    report = Report(as_json=as_json)
    report.section("Packages", versions.check())
    from_dotenv = context.obj if isinstance(context.obj, frozenset) else frozenset()
    report.section("Settings", variables.check(from_dotenv))
    try:
        settings = load(CockpitSettings)
    except SettingsError:  # said among the settings; the rest is looked at as if there were none
        settings = CockpitSettings.model_construct()
    running = Running.find(data_dir(settings))
    report.section("This machine", machine.check(settings, running))
    report.section("Telemetry", delivery.check(running))
    report.section("Model servers", servers.check())
    report.end()
    if report.is_broken:
        raise typer.Exit(1)
