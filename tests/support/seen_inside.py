"""Runs a Python program, in this process, so that one can see from outside what lives in its event loop.

    python seen_inside.py FILE PROGRAM [ARGUMENT ...]

At each SIGUSR2 it writes to FILE, as one JSON object, how many there are of each: tasks of NiceGUI's event loop by what they run,
subscriptions of `services.changes`, and objects of the page by their class; what nothing refers to any more is collected before.
"""

from __future__ import annotations

import contextlib
import gc
import json
import runpy
import signal
import sys
import time
from asyncio import all_tasks
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    file, program = map(Path, sys.argv[1:3])
    sys.argv = sys.argv[2:]
    signal.signal(signal.SIGUSR2, lambda *_: look_from_the_loop(file))
    runpy.run_path(str(program), run_name="__main__")


def look_from_the_loop(file: Path) -> None:
    """Look between two steps of the loop, not in the midst of one."""
    from nicegui import core

    assert core.loop is not None
    core.loop.call_soon_threadsafe(look, file)


def look(file: Path) -> None:
    from nicegui import Client, core

    from venom_otel.services.changes import Listener

    assert core.loop is not None
    gc.collect()
    with no_other_thread():
        objects = gc.get_objects()
        listeners = [type(each).__name__ for each in objects if issubclass(type(each), Listener) and each._unsubscribe is not None]
        of_the_page = [type(each).__name__ for each in objects if type(each).__module__.startswith("venom_otel.cockpit.")]
        del objects
    found = {
        "tasks": Counter(task.get_coro().__qualname__ for task in all_tasks(core.loop)),
        "subscriptions": Counter(listeners),
        "page": Counter(of_the_page),
        "clients": len(Client.instances),
    }
    written = file.with_suffix(".new")
    written.write_text(json.dumps(found), encoding="utf-8")
    written.replace(file)  # whoever waits for the file finds all of it


@contextlib.contextmanager
def no_other_thread() -> Iterator[None]:
    """Let no other thread run meanwhile: it may be making a tuple, which fails where somebody else holds that too, as all objects are."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(60)
    time.sleep(0.01)  # whoever was waiting by the usual interval has had its turn
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


if __name__ == "__main__":
    main()
