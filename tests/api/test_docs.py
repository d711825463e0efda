"""docs/api.md names every route, and every parameter of the history's."""

import re
from pathlib import Path

import pytest
from support.acting import acting
from support.scripted_health import Servers

from venom_otel.api import create_app
from venom_otel.cli.dotenv_file import DotenvConfiguration
from venom_otel.cli.task_telemetry import TaskTelemetry
from venom_otel.control import Controller
from venom_otel.services.active import ActiveModel
from venom_otel.services.active_model import LastAnswered
from venom_otel.services.alerts.keeping import StateKeeper
from venom_otel.services.alerts.watch import Alerts
from venom_otel.services.catalogue import Catalogue
from venom_otel.services.configuration import InUse
from venom_otel.services.events import Events
from venom_otel.services.history import History
from venom_otel.services.in_force import InForce, Installation
from venom_otel.services.offered import Services
from venom_otel.services.tasks.availability import MonitorAvailability
from venom_otel.services.tasks.choosing import Chooser, Preferences
from venom_otel.services.tasks.kernel import KernelAnswers
from venom_otel.services.tasks.tasks import Tasks
from venom_otel.settings import CockpitSettings, RuntimeSettings
from venom_otel.state.tasks import KeptTasks
from venom_otel.store.embedded import EmbeddedStore

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture
def paths(tmp_path):
    """The paths of OpenAPI, of a cockpit that has all routes."""
    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store, acting(tmp_path, Servers().monitor()) as parts:
        history, controller = History(store), Controller(RuntimeSettings(), CockpitSettings(), directory=tmp_path)
        catalogue = Catalogue(
            parts.servers,
            parts.operations,
            controller,
            DotenvConfiguration(tmp_path / ".env", ()),
            LastAnswered(history),
            models_dir=tmp_path,
        )
        telemetry = TaskTelemetry(store)
        services = Services(
            history=history,
            servers=parts.servers,
            operations=parts.operations,
            catalogue=catalogue,
            active_model=ActiveModel(catalogue, history),
            alerts=Alerts(history, parts.servers, StateKeeper(parts.state)),
            events=Events(history),
            tasks=Tasks(
                parts.servers,
                chooser=Chooser(lambda: Preferences(InUse(), {})),
                answering=KernelAnswers(telemetry, MonitorAvailability(parts.servers.known), stall_s=1),
                telemetry=telemetry,
                kept=KeptTasks(parts.state),
            ),
            in_force=InForce(
                Installation("1", "", "", None, tmp_path, tmp_path / ".env"),
                {"Cockpit": CockpitSettings()},
                options=frozenset(),
                environment={},
                from_file=frozenset,
                in_use=InUse,
            ),
        )
        app = create_app(services, CockpitSettings(), token="a token")
        yield app.openapi()["paths"]


def test_every_route_and_no_other(paths):
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(re.findall(r"`((?:GET|POST|PUT|DELETE) /api/v1/[^`]*)`", PAGE)) == routes


@pytest.mark.parametrize("path", ["/api/v1/history/requests", "/api/v1/history/aggregates"])
def test_every_parameter_of_the_history(paths, path):
    for parameter in paths[path]["get"]["parameters"]:
        assert f"`{parameter['name']}`" in PAGE, parameter["name"]
