"""Prometheus's answers to one question as aggregates."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from venom_otel import semconv
from venom_otel.errors import StoreError
from venom_otel.grafana import names
from venom_otel.store.distribution import Distribution
from venom_otel.store.generation import UNKNOWN, streamed
from venom_otel.store.periods import MINUTE_NS
from venom_otel.store.protocol import Aggregate, Dimension, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from venom_otel.store.generation import Generation
    from venom_otel.store.prometheus.question import Group, Question

NO_ANSWER: Final = "its reply is none to a query: is it a Prometheus?"
_SECOND: Final = 1_000_000_000
_TOKEN_TYPE: Final = names.label(semconv.GEN_AI_TOKEN_TYPE)
_INPUT: Final = semconv.TOKEN_TYPE_INPUT
_OUTPUT: Final = semconv.TOKEN_TYPE_OUTPUT


class Series(NamedTuple):
    """What one set of labels has grown by."""

    labels: Mapping[str, str]
    grown: Sequence[tuple[float, float]]
    """By the end of a step, in seconds since the epoch: how much within it."""


class Answers(NamedTuple):
    """What was asked of the three metrics; of first chunks and tokens perhaps nothing."""

    duration_buckets: Sequence[Series]
    duration_sums: Sequence[Series]
    first_chunk_buckets: Sequence[Series] = ()
    first_chunk_sums: Sequence[Series] = ()
    tokens: Sequence[Series] = ()


def series_of(reply: Mapping[str, Any]) -> list[Series]:
    """The series of a reply to `/api/v1/query` or `/api/v1/query_range`.

    Raises:
        StoreError: it has another form.
    """
    try:
        return [
            Series(one["metric"], [(float(at), float(value)) for at, value in one.get("values") or [one["value"]]])
            for one in reply["data"]["result"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(NO_ANSWER) from error


def aggregates(question: Question, answers: Answers, start_of: Callable[[float], int]) -> list[Aggregate]:
    """The requests of each group and step that there are.

    The metrics of first chunks and tokens do not say how a request ended. Where groups are told apart by that, both count as those of
    the requests that went well, and among those as the most frequent ones'. Nor do durations say what was a stream: how fast answers were
    written is known where as many of them brought a first chunk as there were.

    Args:
        question: what was asked.
        answers: what was answered.
        start_of: the minute in which the step began that ends at a time.
    """
    durations = _Histograms(answers.duration_buckets, answers.duration_sums, question.group)
    chunks = _Histograms(answers.first_chunk_buckets, answers.first_chunk_sums, question.party)
    tokens: defaultdict[tuple[float, Any], dict[str, int]] = defaultdict(lambda: {_INPUT: 0, _OUTPUT: 0})
    for labels, at, party, value in _values(answers.tokens, question.party):
        if labels.get(_TOKEN_TYPE) in (_INPUT, _OUTPUT):
            tokens[at, party][labels[_TOKEN_TYPE]] += round(value)
    answering: dict[tuple[float, Group], tuple[bool, int, Group]] = {}
    whole: defaultdict[tuple[float, Group], list[Distribution]] = defaultdict(list)
    counted = {(at, *groups): found for (at, groups), found in durations.found() if found.count}
    for (at, group, party), found in counted.items():
        completed = question.named(group).get(Dimension.STATUS) == RequestStatus.COMPLETED
        if completed or not question.tells_status:
            whole[at, party].append(found)
        answering[at, party] = max(answering.get((at, party), (False, 0, group)), (completed, found.count, group), key=lambda one: one[:2])
    first_chunks = dict(chunks.found())
    result = []
    for (at, group, party), found in counted.items():
        of_party = at, party
        answers_here = answering[of_party][2] == group
        used = tokens[of_party]
        first_chunk = first_chunks.get(of_party, Distribution()) if answers_here else Distribution()
        result.append(
            Aggregate(
                question.named(group),
                start_of(at) * MINUTE_NS,
                found.count,
                used[_INPUT] if answers_here else 0,
                used[_OUTPUT] if answers_here else 0,
                found,
                first_chunk,
                _generation(whole[of_party], first_chunk, used[_OUTPUT]),
            )
        )
    return result


def _generation(answers: Sequence[Distribution], first_chunk: Distribution, output_tokens: int) -> Generation:
    """What streams wrote after their first chunks."""
    if not first_chunk.count or first_chunk.count < sum(one.count for one in answers):
        return UNKNOWN
    return streamed(first_chunk.count, output_tokens - first_chunk.count, sum(one.sum_ns for one in answers) - first_chunk.sum_ns)


class _Histograms:
    """Histograms put together by the end of a step and by `key`."""

    def __init__(self, buckets: Sequence[Series], sums: Sequence[Series], key: Callable[[Mapping[str, str]], Any]) -> None:
        self._cumulated: defaultdict[tuple[float, Any], defaultdict[float, int]] = defaultdict(lambda: defaultdict(int))
        self._sums: defaultdict[tuple[float, Any], float] = defaultdict(float)
        for labels, at, group, value in _values(buckets, key):
            # A bound that no value lies below is one all the same.
            self._cumulated[at, group][float(labels["le"]) * _SECOND] += round(value)
        for _, at, group, value in _values(sums, key):
            self._sums[at, group] += value

    def found(self) -> Iterator[tuple[tuple[float, Any], Distribution]]:
        """Each as a distribution."""
        for where, cumulated in self._cumulated.items():
            yield where, Distribution.of_histogram(cumulated, round(self._sums[where] * _SECOND))


def _values(series: Sequence[Series], key: Callable[[Mapping[str, str]], Any]) -> Iterator[tuple[Mapping[str, str], float, Any, float]]:
    """Each value with its labels, the end of its step and its key; without what has no key."""
    for labels, grown in series:
        group = key(labels)
        if group is not None:
            for at, value in grown:
                yield labels, at, group, value
