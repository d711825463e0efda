"""A request's body, read and unpacked within its limit, so that neither a long upload nor a small bomb takes the memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from venom_otel.errors import PayloadError
from venom_otel.receiver.service import TooLargeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from venom_otel.receiver.service import Flight

WINDOW_BITS: Final = {"gzip": 31, "deflate": 15}
"""Content encodings that are unpacked, with zlib's word for each format."""
_STEP: Final = 1024 * 1024


async def read(chunks: AsyncIterator[bytes], flight: Flight, limit: int) -> bytes:
    """The whole body as it came.

    Raises:
        TooLargeError: it is longer than `limit` bytes.
        StoreBusyError: too much is on its way in already.
    """
    parts: list[bytes] = []
    async for chunk in chunks:
        flight.admit(len(chunk))
        if flight.size > limit:
            raise too_large(limit)
        parts.append(chunk)
    return b"".join(parts)


def unpack(body: bytes, encoding: str, flight: Flight, limit: int) -> bytes:
    """The body without its content encoding, which is one of `WINDOW_BITS`.

    Raises:
        PayloadError: the body is not what its encoding says.
        TooLargeError: unpacked it is longer than `limit` bytes.
        StoreBusyError: too much is on its way in already.
    """
    parts: list[bytes] = []
    size = 0
    while body:  # more than once only for several gzip members, one after the other
        stream = zlib.decompressobj(WINDOW_BITS[encoding])
        while not stream.eof:
            try:
                part = stream.decompress(body, _STEP)
            except zlib.error:
                raise PayloadError(f"the body is not {encoding}, though its Content-Encoding says so") from None
            if not part and not stream.unconsumed_tail and not stream.eof:
                raise PayloadError(f"the {encoding} body ends too early")
            size += len(part)
            if size > limit:
                raise too_large(limit)
            flight.admit(len(part))
            parts.append(part)
            body = stream.unconsumed_tail
        body = stream.unused_data
    return b"".join(parts)


def too_large(limit: int) -> TooLargeError:
    """The error for a body beyond the limit, with the setting that moves it."""
    return TooLargeError(f"the body is larger than {limit} bytes; send smaller batches or raise VENOM_OTEL_MAX_BODY_BYTES")
