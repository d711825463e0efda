"""Which services are recorded, and by which recorder.

A scope is either every chat service of the process, or one kernel with what belongs to it: the services it has at the time of a call,
however they were added, and those of its clones. Services that were seen once stay recorded when their kernel is gone, since an agent
may hold them alone. Nothing here keeps a kernel or a service alive.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from venom_otel.instrumentation.recorder import Recorder


class IdentitySet:
    """A weak set by object identity; pydantic models compare by value and cannot be hashed."""

    def __init__(self) -> None:
        self._members: dict[int, weakref.ref[Any]] = {}

    def add(self, member: Any) -> None:
        """Add an object; it leaves by itself when it is collected."""
        key = id(member)
        members = self._members
        if key not in self:
            members[key] = weakref.ref(member, lambda reference: members.pop(key, None) if members.get(key) is reference else None)

    def __contains__(self, key: int) -> bool:
        reference = self._members.get(key)
        return reference is not None and reference() is not None

    def __iter__(self) -> Iterator[Any]:
        return iter([member for reference in list(self._members.values()) if (member := reference()) is not None])

    def __bool__(self) -> bool:
        return bool(self._members)


class Scope:
    """What one `instrument()` covers. `everything` covers each chat service of the process."""

    def __init__(self, recorder: Recorder, kernel: Any = None) -> None:
        self.recorder = recorder
        self.everything = kernel is None
        self.users = 0
        self._kernels = IdentitySet()
        self._services = IdentitySet()
        if kernel is not None:
            self.add_kernel(kernel)

    def add_kernel(self, kernel: Any) -> None:
        """Cover another kernel: a clone."""
        self._kernels.add(kernel)
        for service in kernel.services.values():
            self._services.add(service)

    def covers_kernel(self, kernel: Any) -> bool:
        """Whether this kernel was added."""
        return id(kernel) in self._kernels

    def covers(self, service: Any) -> bool:
        """Whether a service is recorded."""
        if self.everything or id(service) in self._services:
            return True
        for kernel in self._kernels:
            if any(service is member for member in kernel.services.values()):
                self._services.add(service)
                return True
        return False

    def is_empty(self) -> bool:
        """Whether everything it covered is gone."""
        return not (self.everything or self._kernels or self._services)


class Scopes:
    """The scopes of the process; `find` is on every call's path and takes no lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scopes: tuple[Scope, ...] = ()

    def open(self, recorder: Recorder, kernel: Any = None) -> Scope:
        """The scope for a kernel (or for everything) and a recorder: one that is open already, or a new one."""
        with self._lock:
            scope = next((s for s in self._scopes if s.recorder is recorder and self._same(s, kernel)), None)
            if scope is None:
                scope = Scope(recorder, kernel)
                self._scopes = (*(s for s in self._scopes if not s.is_empty()), scope)
            scope.users += 1
            return scope

    @staticmethod
    def _same(scope: Scope, kernel: Any) -> bool:
        return scope.everything if kernel is None else not scope.everything and scope.covers_kernel(kernel)

    def close(self, scope: Scope) -> None:
        """Undo one `open`."""
        with self._lock:
            scope.users -= 1
            if scope.users == 0:
                self._scopes = tuple(s for s in self._scopes if s is not scope)

    def find(self, service: Any) -> Recorder | None:
        """Who records a service; the first scope that covers it, so that nothing is recorded twice."""
        for scope in self._scopes:
            if scope.covers(service):
                return scope.recorder
        return None

    def prepare(self, kernel: Any) -> None:
        """Have the recorders of a kernel's calls resolve their providers; once they have, this costs a look."""
        for scope in self._scopes:
            if scope.everything or scope.covers_kernel(kernel):
                scope.recorder.prepare()

    def cloned(self, kernel: Any, clone: Any) -> None:
        """Let a clone belong to what its original belongs to."""
        for scope in self._scopes:
            if scope.covers_kernel(kernel):
                scope.add_kernel(clone)

    def any(self, condition: Callable[[Scope], bool] = lambda _: True) -> bool:
        """Whether some open scope meets a condition; without one, whether any is open."""
        return any(condition(scope) for scope in self._scopes)
