"""OTLP in: one ingest service, and HTTP in front of it."""

from venom_otel.receiver.http import create_receiver
from venom_otel.receiver.service import IngestService

__all__ = ["IngestService", "create_receiver"]
