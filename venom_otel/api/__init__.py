"""The cockpit's HTTP interface, over the services."""

from venom_otel.api.app import create_app

__all__ = ["create_app"]
