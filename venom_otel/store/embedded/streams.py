"""Which streams of points the store knows: a metric of one sender with one set of attributes is one stream, however it is sent.

What makes a stream one is OpenTelemetry's data model's: resource, scope, name, kind, unit, temporality, whether it only grows, attributes
(https://opentelemetry.io/docs/specs/otel/metrics/data-model/#timeseries-model); not the description, nor whether numbers are whole.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final, NamedTuple

from venom_otel.store.embedded.sql import statement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from venom_otel.store.protocol import MetricKind

DEFAULT_LIMIT: Final = 100_000
_DIGEST_BYTES: Final = 16


class Stream(NamedTuple):
    """What a stream is; attributes as `attributes.dump` writes them."""

    name: str
    kind: MetricKind
    unit: str
    description: str
    temporality: str | None
    monotonic: bool | None
    service: str
    scope: str
    scope_version: str
    scope_attributes: str
    attributes: str
    resource: str
    bounds: bytes | None
    """Of the buckets of its first point, see `points`; its later points repeat them only where theirs differ."""

    @property
    def digest(self) -> bytes:
        """By which the stream is known."""
        identity = [value for name, value in zip(self._fields, self, strict=True) if name not in _NOT_OF_ITS_IDENTITY]
        return hashlib.sha256(json.dumps(identity).encode()).digest()[:_DIGEST_BYTES]


_NOT_OF_ITS_IDENTITY: Final = frozenset({"description", "service", "bounds"})


class Known(NamedTuple):
    """A stream that the file has."""

    id: int
    bounds: bytes | None


class StreamBook:
    """The streams of the file, at most `limit`, by digest. For the one thread that decodes and writes.

    A new stream is admitted while requests are decoded, and gets its number in the transaction that stores its first points.
    """

    def __init__(self, connection: sqlite3.Connection, limit: int) -> None:
        self.limit = limit
        self._connection = connection
        self._shared: dict[bytes, bytes] = {}
        self._known: dict[bytes, Known] = {}
        self._admitted: set[bytes] = set()
        self._added: list[bytes] = []
        for number, digest, bounds in connection.execute(statement("streams")):
            self._known[digest] = Known(number, self._share(bounds))

    def __len__(self) -> int:
        return len(self._known)

    def admit(self, digest: bytes) -> bool | None:
        """Whether points of a stream may be stored: None where it is known already, else whether there is room for one more."""
        if digest in self._known:
            return None
        if digest not in self._admitted and len(self._known) + len(self._admitted) >= self.limit:
            return False
        self._admitted.add(digest)
        return True

    def find(self, digest: bytes, new: Mapping[bytes, Stream]) -> Known:
        """A stream by its digest, added to the file where it is one of `new`; inside a transaction."""
        known = self._known.get(digest)
        if known is None:
            stream = new[digest]
            row = self._connection.execute(statement("insert_stream"), {**stream._asdict(), "digest": digest})
            known = self._known[digest] = Known(int(row.lastrowid or 0), self._share(stream.bounds))
            self._added.append(digest)
        return known

    def settle(self, *, committed: bool) -> None:
        """End a transaction: what was added stays, or is forgotten again."""
        if not committed:
            for digest in self._added:
                del self._known[digest]
        self._added.clear()
        self._admitted.clear()

    def forget(self, digests: Iterable[bytes]) -> None:
        """Streams that are no longer in the file."""
        for digest in digests:
            self._known.pop(digest, None)

    def _share(self, bounds: bytes | None) -> bytes | None:
        """Thousands of streams have the same few bounds."""
        return None if bounds is None else self._shared.setdefault(bounds, bounds)


def refusal(limit: int) -> str:
    """Why points of further streams are refused, in words."""
    return (
        f"the store already keeps {limit} metric series, as many as VENOM_OTEL_MAX_SERIES allows: points of further ones are not stored. "
        "Raise it, or send fewer different attribute values"
    )
