"""How many connections this program may have open at once."""

from __future__ import annotations

import contextlib
from typing import Final

ENOUGH: Final = 16_384
"""Each task that is followed takes two, one to its server and one to its follower; so does each exporter and each reader."""


def allow_many() -> None:
    """Allow as many open files as this user may have, up to `ENOUGH`: by default systems allow 1,024, and macOS 256."""
    with contextlib.suppress(ImportError):  # where there is no such limit
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            with contextlib.suppress(OSError, ValueError):  # macOS says that there is no limit, and has one
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
