"""Dashboards and alert rules as code: `python -m venom_otel.grafana` writes what lies in dashboards/.

Needs the extra `[grafana]`. Every metric and label that a query names comes through `names` from `semconv`, or from the table of the
runtimes' own metrics in `foreign`.
"""
