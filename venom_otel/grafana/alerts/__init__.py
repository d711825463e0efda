"""The alert rules, once as code; `grafana_rules` and `prometheus_rules` write them down for each of the two."""
