"""What a comparison shows, as its address says it, and the address as one browser moves through it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from venom_otel.cockpit.address import PageAddress
from venom_otel.cockpit.history.filters import Filters, usable
from venom_otel.services.compared import Grouping
from venom_otel.services.figures import MINUTE, SECOND, Window
from venom_otel.services.moments import moment

if TYPE_CHECKING:
    from collections.abc import Container

    from nicegui.sub_pages_router import SubPagesRouter

    from venom_otel.services.compared import Row

PATH: Final = "/compare"
USUAL_RANGE: Final = "24h"
PICKED: Final = 2
"""Rows that stand beside each other."""
_SAID: Final = ("since", "until", "by", "service", "sort")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader chose."""

    since: str = USUAL_RANGE
    """A time, or how long ago: `moments.moment` says how it is written."""
    until: str = ""
    by: Grouping = Grouping.PLACE
    service: str = ""
    sort: str = ""
    """The column by which rows are in order, after a `-` from the largest value on; empty for the one with the most requests first."""
    rows: tuple[str, ...] = ()
    """Keys of those that stand beside each other."""

    @classmethod
    def from_address(cls, address: str) -> Self:
        """Read an address's query; what is unknown or cannot be used counts as not said."""
        pairs = parse_qsl(urlsplit(address).query)
        given = dict(pairs)
        by = given.get("by", "")
        return cls(
            since=usable(given.get("since", "")) or USUAL_RANGE,
            until=usable(given.get("until", "")),
            by=Grouping(by) if by in tuple(map(str, Grouping)) else Grouping.PLACE,
            service=given.get("service", ""),
            sort=given.get("sort", ""),
            rows=tuple(dict.fromkeys(value for name, value in pairs if name == "row"))[:PICKED],
        )

    def address(self) -> str:
        """Where the page shows this."""
        usual = Choice()
        said = {name: str(getattr(self, name)) for name in _SAID if getattr(self, name) != getattr(usual, name)}
        query = urlencode([*said.items(), *(("row", row) for row in self.rows)], safe="/:|")
        return f"{PATH}?{query}" if query else PATH

    def chosen_range(self, on_offer: Container[str]) -> bool:
        """Whether the time is none of those on offer."""
        return bool(self.until) or self.since not in on_offer

    def window(self, now_ns: int) -> Window:
        """The time that is looked at; at least a minute."""
        until = moment(self.until, now_ns) if self.until else now_ns
        return Window(min(moment(self.since, now_ns), until - MINUTE), until)

    def fixed(self, now_ns: int) -> Choice:
        """The same for good: its time no longer moves on."""
        window = self.window(now_ns)
        return replace(self, since=_iso(window.since_ns), until=_iso(window.until_ns))

    def requests_of(self, row: Row) -> str:
        """The address of the requests that a row stands for."""
        named = {str(dimension): value for dimension, value in row.group.items() if value}
        return Filters(service=self.service, since=self.since, until=self.until, **named).address()

    def pick(self, key: str) -> Choice:
        """Take a row to stand beside another, in the place of the one that was taken first; or leave it out again."""
        rows = tuple(row for row in self.rows if row != key) if key in self.rows else (*self.rows, key)[-PICKED:]
        return replace(self, rows=rows)


class CompareAddress(PageAddress[Choice]):
    """The page's address, one for each browser."""

    def __init__(self, router: SubPagesRouter) -> None:
        super().__init__(PATH, Choice, router)

    def _is_a_step(self, before: Choice, after: Choice) -> bool:
        """Another order of the same rows is no place to come back to."""
        return replace(before, sort="") != replace(after, sort="")


def _iso(ns: int) -> str:
    return datetime.fromtimestamp(ns // SECOND, UTC).replace(tzinfo=None).isoformat() + "Z"
