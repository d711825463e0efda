"""Runs something before a process ends: the main one, one forked by hand, and one that `multiprocessing` made.

A child of `multiprocessing` leaves through ``os._exit`` after `multiprocessing.util`'s own finalizers, without `atexit`.
"""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = 1_000
"""Priority among finalizers: before those of pools and managers."""


class _Anchor:
    """What `multiprocessing` ties a callback to for as long as it lives."""


_anchor = _Anchor()


def call_before_exit(action: Callable[[], None]) -> None:
    """Call `action` before this process or a forked child of it ends; twice in one process where both ways lead there."""
    atexit.register(action)

    def register(_: object) -> None:
        multiprocessing.util.Finalize(None, action, exitpriority=FIRST)

    multiprocessing.util.register_after_fork(_anchor, register)
    if multiprocessing.parent_process() is not None:
        register(None)
