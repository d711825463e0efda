"""A filter as TraceQL (https://grafana.com/docs/tempo/latest/traceql/).

A query may find more than is asked for, never less: attributes are judged again by `store.mapping`, which alone knows what they come to.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.store.mapping import HOT, MAX_INT64, MAX_TEXT
from venom_otel.store.protocol import RequestStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from venom_otel.store.protocol import RequestFilter

SERVICE: Final = f"resource.{semconv.SERVICE_NAME}"
_ASKS_A_MODEL: Final = (
    f'(span.{semconv.LLM_PROVIDER} != "" || (span.{semconv.GEN_AI_PROVIDER_NAME} != "" && ('
    + " || ".join(f'span.{semconv.GEN_AI_OPERATION_NAME} = "{name}"' for name in sorted(semconv.INFERENCE_OPERATIONS))
    + ")))"
)
"""`mapping.is_request`, but for the kind of span, which the reply says."""
_SELECTED: Final = ", ".join([*(f"span.{name}" for name in HOT), SERVICE, "kind", "status", "statusMessage"])
_STATUS: Final[Mapping[RequestStatus, str]] = {
    RequestStatus.COMPLETED: f'(span.{semconv.LLM_OUTCOME} = "{semconv.OUTCOME_OK}" || status != error)',
    RequestStatus.FAILED: f'(span.{semconv.LLM_OUTCOME} = "{semconv.OUTCOME_ERROR}" || status = error)',
    RequestStatus.CANCELLED: f'(span.{semconv.LLM_OUTCOME} = "{semconv.OUTCOME_CANCELLED}"'
    f' || span.{semconv.LLM_OUTCOME} = "{semconv.OUTCOME_ABANDONED}")',
}
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,16})\.[0-9]{1,25}")
_EXPONENT: Final = re.compile(r"-?[0-9.]+e[-+]?[0-9]+")
_LOOKED_AHEAD: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(?:span|resource)\.[\w.]*|(?<== )-?[0-9][0-9.]*')
_READ_AT_ONCE: Final = 1024
_AHEAD: Final = 100
"""Bytes that stay together; it looks ahead by ten characters at most behind the scope's name."""
_UNSPOKEN: Final = ("null", "NaN", "Infinity", "-Infinity", str(-(2**63)))
"""Values that TraceQL has no way to write."""


def requests(which: RequestFilter, attributes: Mapping[str, str]) -> str:
    """The query for requests to models that match, with all that a summary of them needs, each span in a set of its own.

    Without sets of their own Tempo gives of a trace that lies in several blocks, as each does that lasts longer than half a minute until
    they are put together, the spans of one of these blocks alone (`combineSpansets` in its pkg/traceql).

    Args:
        which: what must hold; its times and cursors are not asked here.
        attributes: of the span or its resource, by name, each with its value as text.
    """
    held = (condition for name, value in attributes.items() for condition in _holds(name, value))
    conditions = [_ASKS_A_MODEL, *_conditions(which), *held]
    return _readable(f"{{ {' && '.join(conditions)} }} | by(span:id) | select({_SELECTED})")


def _readable(query: str) -> str:
    """The same with spaces where Tempo's reader would take it for cut off.

    It reads 1024 bytes at once. Where a name or a number begins it looks ahead in a copy of itself; if that has to read on, the original
    never sees what the copy has read (tryScopeAttribute and tryScanDuration in pkg/traceql/lexer.go of 3.0).
    """
    parts: list[str] = []
    at = done = 0
    for found in _LOOKED_AHEAD.finditer(query):
        if found[0].startswith('"'):
            continue
        part = query[done : found.start()]
        at += len(part.encode())
        gap = -at % _READ_AT_ONCE if at // _READ_AT_ONCE != (at + _AHEAD) // _READ_AT_ONCE else 0
        parts += part, " " * gap
        at, done = at + gap, found.start()
    return "".join([*parts, query[done:]])


def _conditions(which: RequestFilter) -> Iterator[str]:
    yield from _any_of(which.provider, lambda name: _one_is(name, semconv.LLM_PROVIDER, semconv.GEN_AI_PROVIDER_NAME))
    yield from _any_of(which.model, lambda name: _one_is(name, semconv.LLM_MODEL, semconv.GEN_AI_REQUEST_MODEL, semconv.LLM_MODEL_NAME))
    yield from _any_of(which.endpoint, _is_endpoint)
    yield from _any_of(which.service, lambda name: f"{SERVICE} = {_text(name)}")
    yield from _any_of(which.error_kind, lambda name: _one_is(name, semconv.LLM_ERROR_KIND))
    statuses = which.status if isinstance(which.status, tuple) else (which.status,)
    if which.status is not None:
        yield _either(_STATUS[status] for status in statuses if status is not None)
    if which.fallback is not None:
        yield f"span.{semconv.LLM_ROUTE_FALLBACK} = {'true' if which.fallback else 'false'}"


def _any_of(values: str | tuple[str, ...] | None, condition: Callable[[str], str]) -> Iterator[str]:
    names = (values,) if isinstance(values, str) else values or ()
    # A name that was cut is not the one that was sent.
    if names and all(len(name) < MAX_TEXT for name in names):
        yield _either(condition(name) for name in names)


def _one_is(value: str, *names: str) -> str:
    return _either(f"span.{name} = {_text(value)}" for name in names)


def _is_endpoint(endpoint: str) -> str:
    """As a whole, or as the address that stands before its port."""
    address = re.sub(r":[0-9]+$", "", endpoint)
    hosts = {endpoint, address}
    return _either([_one_is(endpoint, semconv.LLM_ENDPOINT), *(_one_is(host, semconv.SERVER_ADDRESS) for host in sorted(hosts))])


def _holds(name: str, value: str) -> Iterator[str]:
    """An attribute by its value as text, which may have been a number or a boolean; nothing where TraceQL cannot say it."""
    if value.startswith(("[", "{")) or value in _UNSPOKEN or _EXPONENT.fullmatch(value):
        return
    literals = [_text(value)]
    if value in ("true", "false") or _DECIMAL.fullmatch(value) or (_WHOLE.fullmatch(value) and abs(int(value)) <= MAX_INT64):
        literals.append(value)
    quoted = name if _PLAIN_NAME.fullmatch(name) else _name(name)
    yield _either(f"{scope}.{quoted} = {literal}" for scope in ("span", "resource") for literal in literals)


def _either(conditions: Iterable[str]) -> str:
    return f"({' || '.join(conditions)})"


def _name(value: str) -> str:
    """As TraceQL quotes the name of an attribute: of all escapes it knows two there, and any other character stands as it is."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(value: str) -> str:
    """As TraceQL, like Go, quotes a text: JSON's escapes are among its own, but for characters beyond the first plane, which stay."""
    return json.dumps(value, ensure_ascii=False)
