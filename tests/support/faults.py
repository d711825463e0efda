"""Faults put into the package: any of its functions made to raise, wherever it is called from."""

from __future__ import annotations

import contextlib
import inspect
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = "injected by a test"

GUARDS = {
    # They catch what is raised below them and report it, or stand between a stream and its consumer.
    "instrumentation.guard.report",
    "instrumentation.semantic_kernel.hooks._record_stream",
    "instrumentation.semantic_kernel.hooks._recorder",
    "instrumentation.semantic_kernel.hooks._close",
    "instrumentation.semantic_kernel.hooks._end",
    "instrumentation.recorder.Recorder.start",
    "instrumentation.invocation.Invocation.chunk",
    "instrumentation.invocation.Invocation.succeed",
    "instrumentation.invocation.Invocation.fail",
    "instrumentation.invocation.Invocation.cancel",
    "instrumentation.invocation.Invocation.abandon",
    "instrumentation.invocation.Invocation._end",
    # Picks an argument out of a call's own, by indexing alone.
    "instrumentation.semantic_kernel.hooks._argument",
}


def functions() -> dict[Any, FunctionType]:
    """Every function and method of the package's recording side that is imported, by its code."""
    found: dict[Any, FunctionType] = {}
    for name, module in list(sys.modules.items()):
        if name.startswith(("venom_otel.instrumentation", "venom_otel.identity")):
            for thing in list(vars(module).values()):
                for member in vars(thing).values() if inspect.isclass(thing) else [thing]:
                    function = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
                    if isinstance(function, FunctionType) and function.__module__.startswith("venom_otel."):
                        found[function.__code__] = function
    return found


@contextlib.contextmanager
def reached() -> Iterator[list[FunctionType]]:
    """Collect the functions that this thread calls, in the order of their first calls.

    Those with variables of an outer function are left out: they are the wrappers that stand where the application calls.
    """
    known, codes = functions(), {}
    calls: list[FunctionType] = []

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call":
            codes[frame.f_code] = None

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)
        calls += [known[code] for code in codes if code in known and not code.co_freevars]


hits: list[str] = []
"""The names of the broken functions, as often as they were called."""


@contextlib.contextmanager
def broken(function: FunctionType) -> Iterator[list[str]]:
    """Make a function raise RuntimeError, through whichever name it is called; gives an entry for each time it did."""

    def fault(*args: object, **kwargs: object) -> None:
        from support import faults  # the code runs with the globals of the function it stands for

        faults.hits.append("raised")
        raise RuntimeError(faults.WORDS)

    before = function.__code__
    hits.clear()
    function.__code__ = fault.__code__
    try:
        yield hits
    finally:
        function.__code__ = before


def name_of(function: FunctionType) -> str:
    """The function's full name below the package."""
    return f"{function.__module__}.{function.__qualname__}".removeprefix("venom_otel.")
