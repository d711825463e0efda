"""`venom-otel up` sends no telemetry of its own to itself, whatever the environment says and whoever sets up an SDK in it."""

import contextlib
import sqlite3
import subprocess
import sys
import textwrap

import httpx
import pytest
from support.cockpit import Application, Cockpit, wait_for
from support.patience import WAIT_S

# As `opentelemetry-instrument` and Kubernetes' operator do by a `sitecustomize` on PYTHONPATH: the SDK's own configurator sets up what
# OTEL_* says, before the program's first line. In place of instrumentations a thread makes telemetry at all times.
WRAPPER = """
    import logging, threading
    from opentelemetry import metrics, trace
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator

    _OTelSDKConfigurator().configure()

    def busy():
        count = metrics.get_meter("wrapper").create_counter("wrapper")
        while not threading.Event().wait(0.02):
            trace.get_tracer("wrapper").start_span("of a wrapper").end()
            count.add(1)

    threading.Thread(target=busy, daemon=True).start()
"""
OFTEN = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "100"}


def kept(folder):
    """How many items of each kind the store holds, but for what is measured of model servers on purpose."""
    with contextlib.closing(sqlite3.connect(folder / "data" / "telemetry.sqlite3")) as connection:
        items = dict(connection.execute("SELECT signal, sum(items) FROM blocks GROUP BY signal"))
        measured = "SELECT count(*) FROM points JOIN streams ON streams.id = points.stream WHERE scope = 'venom_otel.monitor'"
        items["metrics"] = items.get("metrics", 0) - connection.execute(measured).fetchone()[0]
    return {signal: count for signal, count in items.items() if count}


def sending_to(otlp):
    """Standard variables of a process whose telemetry goes there."""
    exporters = {f"OTEL_{signal}_EXPORTER": "otlp_proto_http" for signal in ("TRACES", "METRICS", "LOGS")}
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp, **exporters, **OFTEN}


@pytest.fixture(params=["variables alone", "an SDK set up by others"])
def variables(request, tmp_path):
    """The environment of `venom-otel up`, but for the endpoint."""
    if request.param == "variables alone":
        return {}
    (tmp_path / "wrapper").mkdir()
    (tmp_path / "wrapper" / "sitecustomize.py").write_text(textwrap.dedent(WRAPPER))
    return {"PYTHONPATH": str(tmp_path / "wrapper")}


def test_nothing_of_its_own_comes_in(tmp_path, variables):
    with Cockpit(tmp_path) as cockpit:
        cockpit.stop()
        cockpit.environment |= sending_to(cockpit.otlp) | variables
        cockpit.start()  # at the same address
        if variables:  # another process with them is heard
            other = subprocess.Popen([sys.executable, "-c", "input()"], env=cockpit.environment, stdin=subprocess.PIPE)
            wait_for(lambda: {"traces", "metrics"} <= kept(tmp_path).keys(), "what the other process sends")
            other.communicate(b"\n", timeout=WAIT_S)
        before = kept(tmp_path)
        with Application(cockpit.otlp) as application:
            for _ in range(10):
                application.request()
                assert httpx.get(cockpit.page).status_code == 200
        assert cockpit.stop()[0] == 0  # an SDK sends what it still holds when its process ends
    assert kept(tmp_path) == {**before, "traces": before.get("traces", 0) + 30}
