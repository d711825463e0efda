"""Which requests the page shows, as its address says it: the same names and values as the API's parameters."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from venom_otel.services.figures import DAY, HOUR, MINUTE, Window
from venom_otel.services.moments import moment
from venom_otel.store.protocol import RequestFilter, RequestStatus, Search

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from venom_otel.services.tables import Format

PATH: Final = "/history"
"""Where the list is."""

RANGES: Final[Mapping[str, int]] = {
    "15m": 15 * MINUTE,
    "1h": HOUR,
    "6h": 6 * HOUR,
    "24h": DAY,
    "7d": 7 * DAY,
    "30d": 30 * DAY,
}
"""The ranges on offer, as `since` writes them."""


def ranges(past_ns: int) -> Mapping[str, int]:
    """The ranges on offer where others are asked for what is older than the telemetry here: one more, where they are longer.

    Args:
        past_ns: how far back they are asked.
    """
    days = past_ns // DAY
    return {**RANGES, f"{days}d": days * DAY} if days * DAY > max(RANGES.values()) else RANGES


_EXPORT: Final = "/api/v1/history/requests/export"
_YES_OR_NO: Final = {"": None, "true": True, "false": False}
_USUAL_NS: Final = HOUR

_ATTRIBUTE: Final = re.compile(r"(?<!\S)([\w-]+(?:\.[\w-]+)+)=(\S+)")
"""A word of the search like `gen_ai.request.seed=7`; without a dot it may be anything somebody looks for."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader chose; empty words ask for nothing."""

    status: str = ""
    """Lower case."""
    provider: str = ""
    model: str = ""
    endpoint: str = ""
    service: str = ""
    error_kind: str = ""
    fallback: str = ""
    """`true` for attempts in another server's place, `false` for those where the call belonged."""
    since: str = ""
    """A time, or how long ago: `moments.moment` says how it is written."""
    until: str = ""
    text: str = ""
    """Words to be found in the span, among them attributes as `name=value`."""

    @classmethod
    def from_address(cls, address: str) -> Self:
        """Read an address's query; what is unknown or cannot be used counts as not said."""
        given = dict(parse_qsl(urlsplit(address).query))
        found = cls(**{field.name: given[field.name] for field in fields(cls) if field.name in given})
        if found.status.upper() not in RequestStatus.__members__:
            found = replace(found, status="")
        if found.fallback not in _YES_OR_NO:
            found = replace(found, fallback="")
        return replace(found, status=found.status.lower(), since=usable(found.since), until=usable(found.until))

    def address(self) -> str:
        """Where the page shows these."""
        query = urlencode({field.name: value for field in fields(self) if (value := getattr(self, field.name))}, safe="/:")
        return f"{PATH}?{query}" if query else PATH

    def export_address(self, form: Format) -> str:
        """Where the API gives all of these as a file."""
        search = self.search() or Search()
        words = asdict(self) | {"status": self.status.upper(), "text": search.text}
        pairs = [(name, value) for name, value in words.items() if value]
        pairs += [("attribute", f"{name}={value}") for name, value in search.attributes.items()]
        return f"{_EXPORT}?{urlencode([('format', form), *pairs])}"

    def __bool__(self) -> bool:
        return self != type(self)()

    def chosen_range(self, on_offer: Container[str]) -> bool:
        """Whether the time is neither free nor one of those on offer."""
        return bool(self.until or (self.since and self.since not in on_offer))

    def which(self, now_ns: int, *, after: int | None = None, before: int | None = None) -> RequestFilter:
        """The filter as the services take it."""
        return RequestFilter(
            provider=self.provider or None,
            model=self.model or None,
            endpoint=self.endpoint or None,
            service=self.service or None,
            status=RequestStatus[self.status.upper()] if self.status else None,
            error_kind=self.error_kind or None,
            fallback=_YES_OR_NO[self.fallback],
            since_ns=self.since_ns(now_ns),
            until_ns=self.until_ns(now_ns),
            after=after,
            before=before,
        )

    def since_ns(self, now_ns: int) -> int | None:
        """Where the time begins."""
        return moment(self.since, now_ns) if self.since else None

    def until_ns(self, now_ns: int) -> int | None:
        """Where the time ends."""
        return moment(self.until, now_ns) if self.until else None

    def search(self) -> Search | None:
        """What the spans must hold besides; None where nothing is asked of them."""
        attributes = dict(_ATTRIBUTE.findall(self.text))
        text = " ".join(_ATTRIBUTE.sub(" ", self.text).split())
        return Search(text, attributes) if text or attributes else None

    def window(self, now_ns: int, oldest_ns: int | None, newest_ns: int | None, past_ns: int = 0) -> Window:
        """What the charts show: the time that was chosen, else an hour, less where all is newer than that, more where all is older.

        Args:
            now_ns: the present.
            oldest_ns: when the oldest request here began; None where there is none.
            newest_ns: when the newest began.
            past_ns: how far back others are asked for older ones.
        """
        on_offer = ranges(past_ns).values()
        until = self.until_ns(now_ns) or now_ns
        since = self.since_ns(now_ns)
        if since is None and self.until:
            since = until - _USUAL_NS
        elif since is None:
            age = now_ns - (newest_ns or now_ns)
            all_is_new = not past_ns and oldest_ns is not None and now_ns - oldest_ns < min(on_offer)
            least = 0 if all_is_new else _USUAL_NS
            since = until - next((length for length in on_offer if length >= least and age < length), max(on_offer))
        return Window.readable(since, until)


def usable(words: str) -> str:
    """A time as `since` and `until` have it; empty where it is none."""
    try:
        moment(words, 0)
    except ValueError:
        return ""
    return words
