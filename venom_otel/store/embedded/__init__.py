"""The store on one machine: SQLite, measured against DuckDB, chdb and Parquet (ARCHITECTURE.md, "The receiver and the store")."""

from venom_otel.store.embedded.store import EmbeddedStore

__all__ = ["EmbeddedStore"]
