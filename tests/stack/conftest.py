"""The built Collector and Prometheus with the configuration that ships; for Tempo, which cannot be had here, stands an OTLP sink."""

import pytest
from support.collector import Collector
from support.otlp_sink import OtlpSink
from support.prometheus_server import PrometheusServer


@pytest.fixture
def tempo():
    """What takes traces as Tempo would, and keeps them."""
    with OtlpSink() as sink:
        yield sink


@pytest.fixture
def copy():
    """What takes the cockpit's copy, where the cockpit itself is not what is tested."""
    with OtlpSink() as sink:
        yield sink


@pytest.fixture
def prometheus(prometheus_program, tmp_path):
    """A Prometheus of one's own."""
    with PrometheusServer(tmp_path / "prometheus") as server:
        yield server


@pytest.fixture
def collector(collector_program, tmp_path, tempo, copy):
    """The Collector before two sinks; metrics go into the copy alone."""
    with Collector(tmp_path / "collector", tempo=tempo.url, cockpit=copy.url) as running:
        yield running
