"""Makes a program of ours, started with this directory on its PYTHONPATH, blind to what else runs on the machine, and patient with it.

Nobody listens at the usual ports of model servers; limits are so long that a machine which stands still for seconds changes nothing of what
is found out. They are set as soon as the module that has them is imported, so that a program which needs it not does without. The same for
what runs in the tests' own process is `support.unhurried`.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

LONG_S = 300.0
"""Longer than a test waits for anything: where a program waits for what never comes, the test says so."""
END_S = 10.0
"""A program that ends waits so long for a receiver that is not there."""

CHANGED = {
    "venom_otel.runtimes.names": {"USUAL_PORTS": MappingProxyType({})},
    "venom_otel.runtimes.reading": {"read.deadline_s": LONG_S},
    "venom_otel.runtimes.asking": {"SLOW_S": LONG_S},
    "venom_otel.runtimes.telling": {"CONNECT_S": LONG_S},
    "venom_otel.identity.asking": {"LIMIT_S": LONG_S, "FIRST_S": LONG_S, "CREDENTIALS_LIMIT_S": LONG_S},
    "venom_otel.cli.client": {"_TIMEOUT_S": LONG_S},
    "venom_otel.cli.running": {"_ANSWER_S": LONG_S},
    "venom_otel.cli.purge": {"_ANSWER_S": LONG_S},
    "venom_otel.cli.stored": {"END_S": END_S},
    "venom_otel.cli.doctor.delivery": {"_FOUND_S": LONG_S},
}
"""By module: what is set to what; `function.parameter` is a parameter's default."""


class Changing:
    """Finds these modules where they are, and sets what is to be set once they have run."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in CHANGED else None
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_change(module: ModuleType) -> None:
            run(module)
            for place, value in CHANGED[name].items():
                change(module, place, value)

        spec.loader.exec_module = run_and_change  # type: ignore[method-assign]
        return spec


def change(module: ModuleType, place: str, value: object) -> None:
    """Set one; raises AttributeError or KeyError where it is not there any more."""
    owner, _, name = place.rpartition(".")
    if owner:
        defaults = getattr(module, owner).__kwdefaults__
        defaults[name]
        defaults[name] = value
    else:
        getattr(module, name)
        setattr(module, name, value)


sys.meta_path.insert(0, Changing)
