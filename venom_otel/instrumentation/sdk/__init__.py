"""Where telemetry goes: the providers the application has, or, where it has none by the first call, an SDK of our own.

`Telemetry` is all the rest of the package uses. Which providers it gives, what the OTLP variables mean and what is undone, and when,
stands in `telemetry`, `environment` and `owned`; how telemetry leaves the process without the application noticing in `courier`,
`lanes`, `outlet` and `quiet`.
"""

from venom_otel.instrumentation.sdk.telemetry import Providers, Telemetry

__all__ = ["Providers", "Telemetry"]
