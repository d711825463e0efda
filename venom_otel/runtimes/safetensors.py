"""What a safetensors file says of its tensors, by its header: https://github.com/huggingface/safetensors#format.

The first 8 bytes are the header's length, little-endian; the header is JSON: each tensor's dtype, shape and place. No weights are read.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

MAX_HEADER_BYTES: Final = 32 * 1024 * 1024
"""Of the largest models' files it is a few hundred kilobytes; the format allows 100 MB."""
_LENGTH_BYTES: Final = 8
_EMPTY: Final = 2
"""Bytes of the shortest header, `{}`."""
_LARGEST: Final = 2**62
_DIMENSIONS: Final = 16
"""More than any tensor has."""


@dataclass(frozen=True, slots=True)
class Header:
    """What one file holds."""

    elements: Counter[str]
    """How many numbers of each dtype: `BF16`, `F32`, `I32`, …"""
    own_bytes: int
    """Of the header itself."""
    size_bytes: int
    """How long the file must be, whole."""


def read_header(path: Path) -> Header:
    """Read a file's header.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no safetensors file; the message says why.
    """
    with open_regular(path) as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if not _EMPTY <= length <= MAX_HEADER_BYTES:
            raise ValueError("it is no safetensors file")
        text = file.read(length)
    if len(text) < length:
        raise ValueError("it ends within its header")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("its header is no JSON") from None
    if not isinstance(found, dict):
        raise ValueError("its header is no JSON object")  # noqa: TRY004 - the file's fault, not the caller's
    elements: Counter[str] = Counter()
    end = 0
    for name, tensor in found.items():
        if name == "__metadata__":
            continue
        dtype, count, place = _tensor(tensor)
        elements[dtype] += count
        end = max(end, place)
    return Header(elements, length, _LENGTH_BYTES + length + end)


def open_regular(path: Path) -> Any:
    """Open a file for reading bytes; a pipe or device, which could keep its reader waiting for ever, is none.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def _tensor(tensor: Any) -> tuple[str, int, int]:
    """Dtype, how many numbers, and where it ends behind the header.

    Raises:
        ValueError: it is not described as the format wants it.
    """
    try:
        dtype, shape, (begin, end) = tensor["dtype"], tensor["shape"], tensor["data_offsets"]
        numbers = [*shape, begin, end]
        known = isinstance(dtype, str) and len(shape) <= _DIMENSIONS
    except (KeyError, TypeError, ValueError):
        known = False
    if not known or any(type(number) is not int or not 0 <= number <= _LARGEST for number in numbers):
        raise ValueError("its header describes a tensor in a way that is not known")
    return dtype, math.prod(shape), end
