"""OTLP in: one ingest service, with HTTP and gRPC in front of it."""

from venom_otel.receiver.grpc import start_grpc
from venom_otel.receiver.hosts import AllowedHosts
from venom_otel.receiver.http import create_receiver
from venom_otel.receiver.service import IngestService

__all__ = ["AllowedHosts", "IngestService", "create_receiver", "start_grpc"]
