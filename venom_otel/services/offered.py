"""All that the outside may ask and tell, in one place: the API and the page are made over it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from venom_otel.services.active import ActiveModel
    from venom_otel.services.alerts.watch import Alerts
    from venom_otel.services.alerts.webhook import Webhook
    from venom_otel.services.catalogue import Catalogue
    from venom_otel.services.events import Events
    from venom_otel.services.history import History
    from venom_otel.services.in_force import InForce
    from venom_otel.services.operations import Operations
    from venom_otel.services.prices import Prices
    from venom_otel.services.servers import LlmServers
    from venom_otel.services.tasks.tasks import Tasks

AGAIN_S: Final = 5.0
"""Seconds until something that failed by a mistake of ours is begun anew."""

logger: Final = logging.getLogger("venom_otel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of one process; what is None is not offered."""

    history: History
    servers: LlmServers | None = None
    operations: Operations | None = None
    """What servers are told."""
    catalogue: Catalogue | None = None
    """Their models."""
    active_model: ActiveModel | None = None
    """Which of them is active."""
    alerts: Alerts | None = None
    webhook: Webhook | None = None
    """Where alerts are sent; only with `alerts`."""
    events: Events | None = None
    tasks: Tasks | None = None
    """What model servers are asked from here; only with `servers`."""
    prices: Prices | None = None
    """Of tokens."""
    in_force: InForce | None = None
    """The settings of this process."""

    async def watch(self) -> None:
        """Keep alerts and events true; runs until it is cancelled, or until waiting was ended."""
        async with asyncio.TaskGroup() as group:
            if self.alerts is not None:
                group.create_task(kept_up("alerts", self.alerts.watch))
                if self.webhook is not None:
                    alerts, webhook = self.alerts, self.webhook
                    group.create_task(kept_up("the alert webhook", lambda: webhook.follow(alerts)))
            if self.events is not None:
                group.create_task(kept_up("events", self.events.watch))

    def end_waiting(self) -> None:
        """Let go of whoever only waits for something to happen, now and later: the program ends. What servers are being told ends, too."""
        self.history.end_waiting()
        for one in (self.servers, self.alerts, self.events):
            if one is not None:
                one.end_waiting()
        if self.operations is not None:
            self.operations.end_running()
        if self.tasks is not None:
            self.tasks.end_running()

    async def close(self) -> None:
        """Wait for the end of what was being done."""
        if self.tasks is not None:
            await self.tasks.close()
        if self.operations is not None:
            await self.operations.close()


async def kept_up(what: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do it, and begin anew where it fails: nothing that is watched may end the program that watches."""
    while True:
        try:
            return await work()
        except Exception:
            logger.exception("venom_otel: %s failed; they are begun anew", what)
            await asyncio.sleep(AGAIN_S)
