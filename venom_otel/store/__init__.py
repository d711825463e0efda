"""Where telemetry is kept: one protocol, several stores behind it."""
