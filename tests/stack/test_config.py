"""The configurations load without a complaint, name what compose runs, and say whether they work."""

import re
import subprocess

import httpx
import pytest
import yaml
from support.collector import CONFIG
from support.prometheus_server import COMPOSE
from support.prometheus_server import CONFIG as PROMETHEUS_CONFIG
from support.repository import ROOT, tracked

from tools import build_collector, build_prometheus

GO_MODULE = re.compile(r"^  - gomod: \S+/(\w+) v([\d.]+)$", re.MULTILINE)


def test_the_collector_takes_its_configuration(collector_program, tmp_path):
    done = subprocess.run(
        [collector_program, "validate", "--config", CONFIG],
        env={"COLLECTOR_QUEUE_DIRECTORY": str(tmp_path / "queue")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_starts_without_a_warning(collector):
    """A key or a name that is deprecated would be one."""
    assert [line for line in collector.log.splitlines() if "\tinfo\t" not in line] == []
    assert "deprecat" not in collector.log.lower()
    assert collector.health() == 200


def test_it_measures_itself(collector):
    httpx.post(f"{collector.url}/v1/traces", content=b"", headers={"Content-Type": "application/x-protobuf"}).raise_for_status()
    assert collector.measured("otelcol_exporter_queue_capacity", "otlp_http/tempo") == 512 * 1024 * 1024


def test_the_distribution_has_what_the_configurations_use_and_no_more(collector_program):
    words = subprocess.run([collector_program, "components"], capture_output=True, text=True, check=True).stdout
    built = yaml.safe_load(words)
    has = {
        kind: {one["name"] for one in built[kind] or []} for kind in ("receivers", "processors", "exporters", "connectors", "extensions")
    }
    used = {kind: set() for kind in has}
    for path in tracked("collector"):
        config = yaml.safe_load((ROOT / path).read_text(encoding="utf-8")) if path.name != "builder.yaml" else {}
        for kind in has:
            used[kind] |= {name.split("/")[0] for name in config.get(kind, {})}
    # It cannot be built here: docs/stack.md. What it makes for each gateway is this.
    used["exporters"] = used["exporters"] - {"load_balancing"} | {"otlp_grpc"}
    assert has == used


@pytest.mark.parametrize("name", ["config.yaml", "scale/agent.yaml", "scale/gateway.yaml"])
def test_no_exporter_ever_gives_up_or_forgets(name):
    exporters = yaml.safe_load((CONFIG.parent / name).read_text(encoding="utf-8"))["exporters"]
    assert exporters
    for exporter in exporters.values():
        assert exporter["sending_queue"]["storage"] == "file_storage"
        assert exporter["retry_on_failure"]["enabled"] is True
        assert exporter["retry_on_failure"]["max_elapsed_time"] == 0
        assert "block_on_overflow" not in exporter["sending_queue"]


def test_the_manifest_and_the_tools_speak_of_one_version():
    manifest = build_collector.MANIFEST.read_text(encoding="utf-8")
    assert {version for name, version in GO_MODULE.findall(manifest) if not name.endswith("provider")} == {build_collector.VERSION}
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    assert services["collector"]["image"].endswith(f":{build_collector.VERSION}")
    assert services["prometheus"]["image"].endswith(f":v{build_prometheus.VERSION}")


def test_the_collector_sends_by_default_to_what_compose_runs():
    """Each address names a service of docker-compose.yml."""
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    hosts = set(re.findall(r":-http://([\w-]+):\d+", CONFIG.read_text(encoding="utf-8")))
    assert hosts == {"tempo", "prometheus", "venom-otel", "loki"}
    assert hosts <= set(services)


def test_prometheus_takes_its_configuration(promtool_program, tmp_path):
    """With the example of further targets."""
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / "host.yml").write_text((ROOT / "deploy" / "targets" / "host.yml.example").read_text(encoding="utf-8"))
    config = PROMETHEUS_CONFIG.read_text(encoding="utf-8").replace("/etc/prometheus/", f"{tmp_path}/")
    (tmp_path / "prometheus.yml").write_text(config, encoding="utf-8")
    done = subprocess.run([promtool_program, "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "is valid prometheus config file syntax" in done.stdout
    assert "WARNING" not in done.stdout + done.stderr
