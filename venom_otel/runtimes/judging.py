"""From replies to a state with its cause in words: what holds for every kind of server."""

from __future__ import annotations

import html
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from venom_otel import semconv
from venom_otel.errors import SettingsError
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.failures import place
from venom_otel.runtimes.model import Reason, State
from venom_otel.runtimes.names import OPENAI, label, variable_prefix
from venom_otel.runtimes.registry import adapters
from venom_otel.runtimes.words import REFUSED, beginning, message

if TYPE_CHECKING:
    from venom_otel.identity.model import Identity
    from venom_otel.runtimes.asking import Client, Heard
    from venom_otel.runtimes.model import Runtime

_FROM_A_PROXY: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
_PAGE: Final = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!doctype html|<html)", re.IGNORECASE)
_TITLE: Final = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_LOADING: Final = re.compile(rb"\bloading\s+(?:the\s+)?model\b|\bmodel\s+is\s+(?:still\s+)?loading\b", re.IGNORECASE)
_BEGINNING: Final = 4096


class Verdict(NamedTuple):
    """How a server is."""

    state: State = State.READY
    reason: Reason | None = None
    cause: str | None = None


READY: Final = Verdict()


async def judge(client: Client, main: Heard, *, shaped: bool, anybody: bool = False) -> Verdict:
    """Say how the server is by all that it has been asked so far; finds out who it is where that is in doubt.

    Args:
        client: who has asked.
        main: the question on which the state rests.
        shaped: whether its reply has the form that the expected server gives.
        anybody: any server of the dialect will do, not the runtime's provider alone.
    """
    verdict = await _judged(client, main, shaped=shaped, anybody=anybody)
    main.verdict = main.verdict or verdict.cause or "as it should be"
    return verdict


async def _judged(client: Client, main: Heard, *, shaped: bool, anybody: bool) -> Verdict:
    runtime = client.runtime
    if not any(one.reply is not None for one in client.heard):
        failure = main.failure
        if failure is None:
            return Verdict(State.UNREACHABLE, Reason.INTERNAL, "it was not asked")
        hint = f": start {_expected(runtime)}, or correct its address" if failure.reason is Reason.REFUSED else ""
        return Verdict(failure.state, failure.reason, f"{failure.words}{hint}")
    if not (anybody and shaped):
        who = await client.who()
        if not anybody and (somebody_else := _somebody_else(client, who)) is not None:
            return somebody_else
    if main.failure is not None:
        return Verdict(State.FAILING, main.failure.reason, f"it answers, but not to {main.path}: {main.failure.words}")
    return READY if shaped else _misshapen(client, main)


def _somebody_else(client: Client, who: Identity) -> Verdict | None:
    expected, runtime = client.runtime.provider, client.runtime
    if expected in {semconv.PROVIDER_UNKNOWN, who.provider}:
        return None
    if who.provider != semconv.PROVIDER_UNKNOWN:
        there = f"{label(who.provider)} {who.version or ''}".rstrip()
    elif who.gateway is not None:
        there = f"the gateway {label(who.gateway)}"
    else:
        return None
    mend = f"correct {runtime.named_by}" if runtime.configured else "it is gone"
    return Verdict(State.UNREACHABLE, Reason.WRONG_SERVER, f"{there} answers at {place(runtime.endpoint)}, not {label(expected)}: {mend}")


def _misshapen(client: Client, main: Heard) -> Verdict:
    """Why the main reply is not what it should be, by its status and form."""
    runtime, reply, status = client.runtime, main.reply, main.status
    assert reply is not None
    assert status is not None
    expected, where = _expected(runtime), place(runtime.endpoint)
    address = f"correct {runtime.named_by}" if runtime.configured else "it may not be a model server"
    if status in REFUSED:
        return Verdict(State.DEGRADED, Reason.KEY, _about_the_key(client, main))
    if status == HTTPStatus.SERVICE_UNAVAILABLE and _LOADING.search(reply.body[:_BEGINNING]):
        return Verdict(State.LOADING, Reason.LOADING, f"it is loading its model ({status} at {main.path}: {_said(client, main)})")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Verdict(State.DEGRADED, Reason.RATE_LIMITED, f"it is up, but takes no more requests for now (429 at {main.path})")
    if status in _FROM_A_PROXY:
        words = f"a proxy answers at {where}, and the server behind it does not ({status} at {main.path})"
        return Verdict(State.FAILING, Reason.SERVER_ERROR, words)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        words = f"it fails itself: {status} at {main.path}, {_said(client, main) or 'without a word'}"
        return Verdict(State.FAILING, Reason.SERVER_ERROR, words)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        words = f"{where} sends on to {_target(main)} and is not followed: give the address of the server itself"
        return Verdict(State.UNREACHABLE, Reason.WRONG_SERVER, words)
    if _PAGE.match(reply.body[:_BEGINNING]):
        title = _TITLE.search(reply.body[:_BEGINNING])
        named = f" titled {client.shown(html.unescape(beginning(title[1])))!r}" if title else ""
        words = f"a web page{named} answers at {where} ({status} at {main.path}), not {expected}: {address}"
        return Verdict(State.UNREACHABLE, Reason.WRONG_SERVER, words)
    if client.identity.provider == runtime.provider:
        words = f"it is {expected}, but what it says at {main.path} makes no sense ({status})"
        return Verdict(State.DEGRADED, Reason.INCOMPLETE, words)
    words = f"something answers at {where} that is not {expected} ({status} at {main.path}): {address}"
    return Verdict(State.UNREACHABLE, Reason.WRONG_SERVER, words)


def refused(client: Client, heard: Heard) -> Verdict | None:
    """That our key is refused, where one question was answered so."""
    return Verdict(State.DEGRADED, Reason.KEY, _about_the_key(client, heard)) if heard.status in REFUSED else None


def about_the_key(runtime: Runtime, status: int, said: str, *, showed: bool) -> str:
    """What to do about a refusal: it is up; which variable to set depends on whether a key went with the question.

    Args:
        runtime: who refuses.
        status: of its reply.
        said: its own words, if any.
        showed: whether a key went along.
    """
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return "a proxy in between asks for a user and password (407): put them into the proxy variable"
    words = f"{status}: {said}" if said else f"{status}"
    variable, key = _variables(runtime)
    if showed:
        return f"it is up, but refuses the key ({words}): correct {key}"
    mend = f"set {key}" if variable == runtime.named_by else f"set {variable} to its address, and {key}"
    return f"it is up, but asks for a key ({words}): {mend}"


def _about_the_key(client: Client, heard: Heard) -> str:
    assert heard.status is not None
    return about_the_key(client.runtime, heard.status, _said(client, heard), showed=client.shows_key)


def _variables(runtime: Runtime) -> tuple[str, str]:
    """Those that name its address and its key; a server whose runtime has none of its own is named as any of OpenAI's dialect."""
    if runtime.provider == OPENAI or runtime.provider not in adapters():
        return "OPENAI_BASE_URL", "OPENAI_API_KEY"
    prefix = variable_prefix(runtime.provider)
    return "OLLAMA_HOST" if runtime.named_by == "OLLAMA_HOST" else f"{prefix}_ENDPOINT", f"{prefix}_API_KEY"


def _expected(runtime: Runtime) -> str:
    return "the server" if runtime.provider == semconv.PROVIDER_UNKNOWN else label(runtime.provider)


def _target(main: Heard) -> str:
    """Where a redirect leads, without what may be a key in it."""
    location = main.header(b"location")
    try:
        return parse(location).url if "://" in location else location.partition("?")[0] or "nowhere"
    except SettingsError:
        return "another address"


def _said(client: Client, heard: Heard) -> str:
    """A server's own words on an error."""
    return client.shown(message(heard.body))
