"""One question for figures, as PromQL asks it: which labels tell groups apart, and what a series' labels say.

The labels are attributes of this package's metrics, or of the conventions' alone where another instrumentation sends them; what they say
is judged by the rules of every store (`store.mapping`).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.grafana import names, promql
from venom_otel.store.mapping import COLD, HOT, KIND_CLIENT, NOT_TOLD, STATUS_ERROR, ending, falls_back, flag, gave_way, is_request, party
from venom_otel.store.protocol import Dimension, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from venom_otel.grafana.promql import Matcher
    from venom_otel.store.protocol import RequestFilter

Group = tuple[str | None, ...]
"""The values of the dimensions asked for."""

MEMORY: Final = "1d"
"""How long a series may have been silent and still be the same: a computer that slept over night goes on counting where it was."""

_OF_PARTY: Final[Mapping[Dimension, Sequence[str]]] = {
    Dimension.PROVIDER: (semconv.LLM_PROVIDER, semconv.GEN_AI_PROVIDER_NAME),
    Dimension.MODEL: (semconv.LLM_MODEL, semconv.GEN_AI_REQUEST_MODEL),
    Dimension.ENDPOINT: (semconv.LLM_ENDPOINT, semconv.SERVER_ADDRESS, semconv.SERVER_PORT),
    Dimension.SERVICE: (semconv.SERVICE_NAME,),
    Dimension.RESPONSE_MODEL: (semconv.GEN_AI_RESPONSE_MODEL,),
    Dimension.FALLBACK: (semconv.LLM_ROUTE_FALLBACK,),
}
"""What every metric of a round trip is told apart by."""
_OF_ENDING: Final[Mapping[Dimension, Sequence[str]]] = {
    Dimension.STATUS: (semconv.LLM_OUTCOME, semconv.ERROR_TYPE),
    Dimension.ERROR_KIND: (semconv.LLM_ERROR_KIND,),
    Dimension.COLD_START: (semconv.LLM_COLD_START,),
    Dimension.GAVE_WAY: (semconv.LLM_ROUTE_GAVE_WAY, semconv.LLM_ROUTE_FALLBACK),
}
"""What durations alone are told apart by."""
_TELLING: Final = {**_OF_PARTY, **_OF_ENDING}
_ALWAYS: Final = (semconv.LLM_PROVIDER, semconv.GEN_AI_PROVIDER_NAME, semconv.GEN_AI_OPERATION_NAME)
"""What says whether it is of a request to a model."""
_ASKED: Final = (
    Dimension.PROVIDER,
    Dimension.MODEL,
    Dimension.ENDPOINT,
    Dimension.SERVICE,
    Dimension.STATUS,
    Dimension.ERROR_KIND,
    Dimension.FALLBACK,
)
"""The dimensions that a filter has a field for, of the same name."""
_ATTRIBUTES: Final = {names.label(attribute): attribute for attribute in (*HOT, semconv.SERVICE_NAME) if attribute in names.ATTRIBUTES}
_LENGTHS: Final = (("d", 86_400), ("h", 3_600), ("m", 60))


class Question:
    """What is asked, without its range of time.

    Args:
        which: which requests; its times and cursors are not asked.
        by: what tells groups apart.
    """

    def __init__(self, which: RequestFilter, by: Sequence[Dimension]) -> None:
        self._by = tuple(by)
        self._wanted = {dimension: _values(getattr(which, dimension.value)) for dimension in _ASKED}
        told_apart = {*by, *(dimension for dimension, values in self._wanted.items() if values is not None)}
        self._of_party = tuple(dimension for dimension in _OF_PARTY if dimension in told_apart)
        self._of_ending = tuple(dimension for dimension in _OF_ENDING if dimension in told_apart)

    @property
    def key(self) -> str:
        """The same for the same question, at any time."""
        return json.dumps([self._by, [None if values is None else sorted(values) for values in self._wanted.values()]])

    @property
    def asks_for_answers(self) -> bool:
        """Whether requests that went well are among those asked for: tokens and first chunks are counted as theirs."""
        status = self._wanted[Dimension.STATUS]
        return self._wanted[Dimension.ERROR_KIND] is None and (status is None or RequestStatus.COMPLETED in status)

    @property
    def tells_status(self) -> bool:
        """Whether groups are told apart by how requests ended."""
        return Dimension.STATUS in self._by

    def named(self, group: Group) -> dict[Dimension, str | None]:
        """A group as an aggregate has it."""
        return dict(zip(self._by, group, strict=True))

    def durations(self, part: names.Part, length_s: int) -> str:
        """PromQL for what the durations' `part` has grown by within `length_s` seconds."""
        return self._grown(semconv.METRIC_OPERATION_DURATION, part, length_s, (*self._of_party, *self._of_ending))

    def first_chunks(self, part: names.Part, length_s: int) -> str:
        """The same for the times to the first chunk."""
        return self._grown(semconv.METRIC_TIME_TO_FIRST_CHUNK, part, length_s, self._of_party)

    def tokens(self, length_s: int) -> str:
        """The same for tokens, by their type."""
        return self._grown(semconv.METRIC_TOKEN_USAGE, "sum", length_s, self._of_party, names.label(semconv.GEN_AI_TOKEN_TYPE))

    def group(self, labels: Mapping[str, str]) -> tuple[Group, Group] | None:
        """The group of a series of durations, and what of it the other metrics know; None where it is not asked for."""
        said = self._said(labels, (*self._of_party, *self._of_ending))
        return None if said is None else (tuple(said[dimension] for dimension in self._by), self._party(said))

    def party(self, labels: Mapping[str, str]) -> Group | None:
        """What the labels of a series of another metric say of its group; None where it is not asked for."""
        said = self._said(labels, self._of_party)
        return None if said is None else self._party(said)

    def _party(self, said: Mapping[Dimension, str | None]) -> Group:
        return tuple(said[dimension] for dimension in self._of_party if dimension in self._by)

    def _said(self, labels: Mapping[str, str], dimensions: Sequence[Dimension]) -> dict[Dimension, str | None] | None:
        attributes = {_ATTRIBUTES[label]: _typed(_ATTRIBUTES[label], value) for label, value in labels.items() if label in _ATTRIBUTES}
        hot = {name: read(attributes[name]) for name, read in HOT.items() if name in attributes}
        hot = {name: value for name, value in hot.items() if value is not None}
        if not is_request(KIND_CLIENT, hot):
            return None
        who = party(str(attributes.get(semconv.SERVICE_NAME, "")), hot)
        how = ending(STATUS_ERROR if semconv.ERROR_TYPE in hot else 0, hot)
        told: dict[Dimension, str | None] = {
            Dimension.PROVIDER: who.provider or None,
            Dimension.MODEL: who.model or None,
            Dimension.ENDPOINT: who.endpoint or None,
            Dimension.SERVICE: who.service or None,
            Dimension.RESPONSE_MODEL: who.response_model or None,
            Dimension.FALLBACK: _word(falls_back(how)),
            Dimension.STATUS: how.status,
            Dimension.ERROR_KIND: how.error_kind or None,
            Dimension.COLD_START: _word(None if how.cold == NOT_TOLD else how.cold == COLD),
            Dimension.GAVE_WAY: _word(gave_way(how)),
        }
        wanted = ((told[dimension], self._wanted.get(dimension)) for dimension in dimensions)
        return told if all(values is None or said in values for said, values in wanted) else None

    def _grown(self, metric: str, part: names.Part, length_s: int, dimensions: Sequence[Dimension], *labels: str) -> str:
        attributes = dict.fromkeys((*_ALWAYS, *(name for one in dimensions for name in _TELLING[one])))
        by = [*map(names.label, attributes), *labels, *(["le"] if part == "bucket" else [])]
        series = promql.select(names.metric(metric, part), *self._matchers(dimensions))
        return promql.total(promql.grown(series, duration(length_s), MEMORY), *by)

    def _matchers(self, dimensions: Sequence[Dimension]) -> list[Matcher]:
        """What leaves series out that cannot match: one that lacks this package's own label may still, by the conventions'."""
        matchers: list[Matcher] = []
        for dimension in dimensions:
            wanted = self._wanted.get(dimension)
            if wanted is not None and dimension in _OF_PARTY:
                own, *others = _OF_PARTY[dimension]
                values = sorted(value for value in wanted if value)
                matchers.append((names.label(own), "=~", "|".join(map(re.escape, [*values, *([""] if others else [])]))))
        return matchers


def duration(length_s: int) -> str:
    """Seconds as PromQL writes them."""
    for unit, seconds in _LENGTHS:
        if length_s % seconds == 0:
            return f"{length_s // seconds}{unit}"
    return f"{length_s}s"


def _values(asked: str | bool | tuple[str, ...] | None) -> frozenset[str] | None:
    """Those that a field of a filter allows; None for any."""
    if asked is None:
        return None
    if isinstance(asked, bool):
        return frozenset({"true" if asked else "false"})
    return frozenset(asked) if isinstance(asked, tuple) else frozenset({asked})


def _word(value: bool | None) -> str | None:
    return None if value is None else "true" if value else "false"


def _typed(attribute: str, value: str) -> str | bool | int:
    """A label's value as the attribute has it."""
    if HOT.get(attribute) is flag:
        return value == "true"
    return int(value) if attribute == semconv.SERVER_PORT and value.isdecimal() else value
