"""Takes what is ours through a fork: no lock of ours is held in the child, and what sends is made anew there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from venom_otel.instrumentation import guard
from venom_otel.instrumentation.sdk import quiet

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from venom_otel.instrumentation.sdk.owned import OwnedSdk

COLLECTING_TIMEOUT_S: Final = 1.0
"""The most by which a fork waits for metrics that are being collected, which an application's own gauges can prolong."""


class ForkHooks:
    """Hooks of the whole process; they cannot be taken back, so one object of this class serves it for good.

    Args:
        lock: held through each fork.
        sdk: the SDK in use, if any.
        in_child: called in each child, with `lock` held.
    """

    def __init__(self, lock: threading.RLock, sdk: Callable[[], OwnedSdk | None], in_child: Callable[[], None]) -> None:
        self._lock = lock
        self._sdk = sdk
        self._in_child = in_child
        self._not_collecting = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before, after_in_parent=self._in_parent, after_in_child=self._after_in_child)

    def _before(self) -> None:
        self._lock.acquire()
        if self._sdk() is not None:
            from venom_otel.instrumentation.sdk.lanes import collecting

            self._not_collecting = collecting.acquire(timeout=COLLECTING_TIMEOUT_S)

    def _release(self) -> None:
        if self._not_collecting:
            from venom_otel.instrumentation.sdk.lanes import collecting

            self._not_collecting = False
            collecting.release()
        self._lock.release()

    def _in_parent(self) -> None:
        self._release()

    def _after_in_child(self) -> None:
        try:
            quiet.forked()
            self._in_child()
            sdk = self._sdk()
            if sdk is not None:
                sdk.reattach_in_child(metrics=self._not_collecting)
        except Exception:
            guard.report("following a fork")
        finally:
            self._release()
