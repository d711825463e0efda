"""Alerts as rows: what they hold is the business of whoever keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from venom_otel.state.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from venom_otel.state.store import State

MOST_ALERTS: Final = 5_000
"""Beyond, those that changed longest ago go."""
_CURSOR: Final = "alerts.cursor"


class AlertRow(NamedTuple):
    """An alert to keep."""

    id: str
    changed_ns: int
    body: str
    """JSON."""


class KeptAlerts:
    """The alerts in a state's file. Raises `StateError` with words, as `State` does."""

    def __init__(self, state: State) -> None:
        self._state = state

    def newest(self, most: int) -> Sequence[str]:
        """The bodies of those that changed last, newest first."""
        return [row["body"] for row in self._state.read("alerts", {"most": most})]

    def cursor(self) -> int | None:
        """Up to where requests have been looked at; None for never."""
        found = self._state.read("mark", {"name": _CURSOR})
        return found[0]["value"] if found else None

    def keep(self, rows: Iterable[AlertRow], cursor: int | None) -> None:
        """Keep alerts and how far was looked: both or neither. An alert of a known id replaces what was kept of it."""
        with self._state.writing() as connection:
            for row in rows:
                connection.execute(statement("keep_alert"), row._asdict())
            if cursor is not None:
                connection.execute(statement("keep_mark"), {"name": _CURSOR, "value": cursor})
            connection.execute(statement("prune_alerts"), {"most": MOST_ALERTS})
