"""Alerts in the state's file, so that they outlive the program."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from venom_otel.errors import StateError
from venom_otel.services.alerts.board import MAX_ALERTS
from venom_otel.services.alerts.model import Alert
from venom_otel.state.alerts import AlertRow, KeptAlerts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.state.store import State

_ALERT: Final = TypeAdapter(Alert)

logger: Final = logging.getLogger("venom_otel")


class StateKeeper:
    """Keeps alerts in a state."""

    def __init__(self, state: State) -> None:
        self._rows = KeptAlerts(state)

    def load(self) -> tuple[Sequence[Alert], int | None]:
        """What was known when the program ended, and how far requests had been looked at; nothing where it cannot be read."""
        try:
            bodies, cursor = self._rows.newest(MAX_ALERTS), self._rows.cursor()
        except StateError as error:
            logger.warning("venom_otel: alerts of before are not known: %s", error)
            return (), None
        alerts = []
        for body in bodies:
            try:
                alerts.append(_ALERT.validate_json(body))
            except ValidationError:  # of another version; what it was about comes again if it still holds
                logger.debug("an alert that was kept cannot be read", exc_info=True)
        return alerts, cursor

    def save(self, changed: Sequence[Alert], cursor: int | None) -> None:
        """Keep both, or neither.

        Raises:
            StateError: they cannot be written.
        """
        rows = (AlertRow(alert.id, alert.changed_ns, _ALERT.dump_json(alert).decode()) for alert in changed)
        self._rows.keep(rows, cursor)
