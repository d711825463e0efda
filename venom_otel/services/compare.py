"""Gathers what the store counted into rows of models and servers: from its roll-ups, by one question whatever the rows are."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from venom_otel.services.compared import Comparison, Cost, Grouping, Row, marks_of
from venom_otel.services.figures import Figures
from venom_otel.store.protocol import Dimension, RequestFilter, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from venom_otel.instrumentation.pricing import PriceTable
    from venom_otel.services.figures import Group, Window
    from venom_otel.services.history import History
    from venom_otel.services.prices import Prices

DIMENSIONS: Final[Mapping[Grouping, tuple[Dimension, ...]]] = {
    Grouping.PLACE: (Dimension.PROVIDER, Dimension.MODEL, Dimension.ENDPOINT),
    Grouping.MODEL: (Dimension.MODEL,),
    Grouping.PROVIDER: (Dimension.PROVIDER,),
    Grouping.ENDPOINT: (Dimension.ENDPOINT,),
}
"""What tells the rows of each grouping apart."""

_ASKED: Final = (
    Dimension.PROVIDER,
    Dimension.MODEL,
    Dimension.RESPONSE_MODEL,
    Dimension.ENDPOINT,
    Dimension.STATUS,
    Dimension.ERROR_KIND,
    Dimension.FALLBACK,
    Dimension.COLD_START,
    Dimension.GAVE_WAY,
)
"""By what the store is asked, for every grouping: so the answer to another one is there already."""

_TRUE: Final = "true"


async def compare(
    history: History, window: Window, grouping: Grouping, *, service: str | tuple[str, ...] | None = None, prices: Prices | None = None
) -> Comparison:
    """Compare what answered within a window.

    Args:
        history: of the requests.
        window: the range, which the store widens to whole minutes, and to whole hours where it is longer than a day.
        grouping: what a row is.
        service: of which applications; None for all.
        prices: what tokens cost.

    Raises:
        StoreError: the store cannot be read.
    """
    overview = await history.overview(window, RequestFilter(service=service), _ASKED)
    table = prices.table() if prices is not None else None
    rows = rows_of(overview.groups, grouping, table)
    return Comparison(
        window,
        grouping,
        rows,
        marks_of(rows),
        table.currency if table is not None else None,
        prices.problem if prices is not None else "",
        overview.missing,
    )


def rows_of(groups: Iterable[Group], grouping: Grouping, prices: PriceTable | None) -> Sequence[Row]:
    """Gather what the store counted by `_ASKED` into rows, the one with the most requests first."""
    gathered: dict[tuple[str | None, ...], _Gathered] = defaultdict(_Gathered)
    for group in groups:
        gathered[tuple(group.group[dimension] for dimension in DIMENSIONS[grouping])].add(group, prices)
    rows = [found.row(dict(zip(DIMENSIONS[grouping], values, strict=True)), prices) for values, found in gathered.items()]
    return sorted(rows, key=lambda row: (-row.requests, row.key))


class _Gathered:
    """One row that is being added up."""

    def __init__(self) -> None:
        self._all: list[Figures] = []
        self._completed: list[Figures] = []
        self._kinds: Counter[str] = Counter()
        self._cold = self._told_cold = 0
        self._stood_in = self._gave_way = 0
        self._amount: float | None = None
        self._without_price: set[str] = set()

    def add(self, group: Group, prices: PriceTable | None) -> None:
        """Add what is of one status and kind of error, and cold or not, routed or not."""
        figures, told = group.figures, group.group
        status = RequestStatus(str(told[Dimension.STATUS]))
        self._all.append(figures)
        if status is RequestStatus.COMPLETED:
            self._completed.append(figures)
        if status is RequestStatus.FAILED:
            self._kinds[told[Dimension.ERROR_KIND] or ""] += figures.requests
        if told[Dimension.COLD_START] is not None:
            self._told_cold += figures.requests
        if told[Dimension.COLD_START] == _TRUE:
            self._cold += figures.requests
        if status is RequestStatus.COMPLETED and told[Dimension.FALLBACK] == _TRUE:
            self._stood_in += figures.requests
        if told[Dimension.GAVE_WAY] == _TRUE:
            self._gave_way += figures.requests
        if prices is not None and (figures.input_tokens or figures.output_tokens):
            self._price(group, prices)

    def _price(self, group: Group, prices: PriceTable) -> None:
        told, figures = group.group, group.figures
        models = told[Dimension.RESPONSE_MODEL], told[Dimension.MODEL]
        cost = prices.cost(told[Dimension.PROVIDER] or "", models, figures.input_tokens, figures.output_tokens)
        if cost is None:
            self._without_price.add(models[1] or models[0] or "")
        else:
            self._amount = (self._amount or 0) + cost

    def row(self, group: Mapping[Dimension, str | None], prices: PriceTable | None) -> Row:
        """The sum."""
        figures, completed = Figures.together(self._all), Figures.together(self._completed)
        cost = None
        if prices is not None and self._amount is not None:
            cost = Cost(self._amount, prices.currency, tuple(sorted(self._without_price)))
        return Row(
            group,
            figures.counts,
            completed.duration,
            figures.first_chunk,
            completed.speed,
            completed.generation.requests,
            dict(sorted(self._kinds.items(), key=lambda item: (-item[1], not item[0], item[0]))),
            self._cold if self._told_cold else None,
            self._told_cold,
            self._stood_in,
            self._gave_way,
            figures.input_tokens,
            figures.output_tokens,
            cost,
        )
