"""Older figures and metrics, from the Prometheus to which the same metrics are sent."""

from venom_otel.store.prometheus.store import PrometheusStore

__all__ = ["PrometheusStore"]
