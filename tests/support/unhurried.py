"""The product's own time limits, made so long that a machine which stands still for seconds changes nothing of what is found out.

`from support.unhurried import unhurried` in a `conftest.py` is all it takes, for what runs in the tests' own process. A test of what
happens at a limit sets that one short again; where something else must still be done in that short time, it tries `growing` ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from support.patience import WAIT_S

from venom_otel.identity.resolver import HttpResolver
from venom_otel.runtimes import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_S: Final = WAIT_S / 2
"""So that a test which waits for what comes at a limit hears of it."""

LIMITS: Final = (
    "venom_otel.identity.asking.LIMIT_S",
    "venom_otel.identity.asking.FIRST_S",
    "venom_otel.identity.asking.CREDENTIALS_LIMIT_S",
    "venom_otel.identity.resolver.JOIN_S",
    "venom_otel.health.monitor.END_S",
    "venom_otel.runtimes.asking.SLOW_S",
    "venom_otel.runtimes.reading.GRACE_S",
    "venom_otel.runtimes.telling.CONNECT_S",
)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking servers who they are and how they are may take long, and so may the end of what asks."""
    for limit in LIMITS:
        monkeypatch.setattr(limit, LONG_S)
    # Bound where the functions are defined. Its guess comes after the answer.
    monkeypatch.setitem(HttpResolver.__init__.__kwdefaults__, "guess_after_s", LONG_S + 10)
    monkeypatch.setitem(reading.read.__kwdefaults__, "deadline_s", LONG_S)


def growing(first_s: float, most_s: float = WAIT_S / 4) -> Iterator[float]:
    """Time limits for one attempt after the other, for as long as the attempts fail for want of time: most machines need the first."""
    while first_s < most_s:
        yield first_s
        first_s *= 4
