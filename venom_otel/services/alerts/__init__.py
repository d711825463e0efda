"""Alerts: what is wrong now and has been lately, from telemetry and the model servers' states, so those of any application."""
