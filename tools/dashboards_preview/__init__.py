"""Pictures of the Grafana dashboards without Grafana: real query results, drawn by Grafana's own components in Chromium."""
