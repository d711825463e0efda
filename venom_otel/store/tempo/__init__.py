"""What Tempo keeps, read as the embedded store is: weeks of traces that the cockpit's own store no longer holds, or never did."""

from venom_otel.store.tempo.store import TempoStore

__all__ = ["TempoStore"]
