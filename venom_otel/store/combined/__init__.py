"""The embedded store with what was before it: what is new from here, what is older from where it is kept for weeks."""

from venom_otel.store.combined.store import CombinedStore

__all__ = ["CombinedStore"]
