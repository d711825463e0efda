"""Taking credentials out of any text before it leaves the process: error messages, reply bodies, reprs of headers."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK: Final = "***"

_DUMMIES: Final = frozenset(
    {"bearer", "basic", "dummy", "empty", "fake", "llamacpp", "lm-studio", "none", "not-needed", "null", "ollama", "test", "vllm"}
)
"""Words that stand where a key has to stand but none is needed. Masking them would only make messages unreadable."""

_SHORTEST_SECRET: Final = 4
"""Shorter ones are placeholders too, and occur inside ordinary words."""

_OFTEN: Final = 1024
"""Characters up to which a text is likely to come again: an error's message."""

_URL_REST: Final = re.compile(r"""://([^\s"'<>]+)""")
"""Everything behind a scheme. Taken as one run and looked at once: a pattern that searches for its `@` takes quadratic time."""

_RULES: Final[tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...]] = (
    (
        ("=",),
        re.compile(r"""([?&][\w.-]*(?:key|token|secret|password|pwd|sig|signature|code|auth|credential)=)[^&\s"'<>#]+""", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (
        ("bearer", "basic", "digest", "negotiate", "aws4"),
        re.compile(
            r"\b(bearer|basic|digest|negotiate|aws4-hmac-sha256)\s+"
            r"""(?!(?:auth\w*|tokens?|or|and|scheme|header|credentials?|key|is|required)\b)[^\s"',;<>{}()\[\]\\]+""",
            re.IGNORECASE,
        ),
        rf"\1 {MASK}",
    ),
    (
        ("cookie",),
        re.compile(r"""(cookie\\?["']?\s*[:=]\s*\\?["']?)[^"'\r\n]+""", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (
        ("key", "authorization", "token", "secret", "passw", "pwd", "credential", "signature"),
        re.compile(
            r"((?:(?:api|access|secret|subscription|account|private|master|virtual|auth)[-_ ]?keys?(?:[-_ ]id)?"
            r"|authorization|token|secret|password|passwd|pwd|credential|signature)"  # or any name that ends so
            r"""(?:\\?["'])?(?:\s+provided)?(?:\s*[:=]\s*|(?<=["'])\s*,\s*)\[?b?)"""  # a mapping's separator, a header's, a tuple's
            r"""(?:(\\?["'])[^"'\\]+|(?:[\w-]+[ ]+)?[^\s"',;&<>{}\\]+)""",  # the whole string, or a word after an optional scheme
            re.IGNORECASE,
        ),
        rf"\1\2{MASK}",
    ),
    (
        ("key",),
        re.compile(r"""((?<!\w)\\?["']key\\?["']\s*:\s*\\?["'])[^"'\\]+""", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (
        ("sk-", "pk-", "rk-"),  # OpenAI, Anthropic, OpenRouter, LiteLLM, …; also as a server masks it itself
        re.compile(r"(?<![a-z0-9])[spr]k-[\w*.-]{4,}", re.IGNORECASE),
        MASK,
    ),
    (
        ("gsk_", "hf_", "gho_", "ghp_", "github_pat_", "glpat-", "xai-", "nvapi-", "pplx-", "csk-", "fw_", "r8_", "xoxb-", "xoxp-"),
        re.compile(r"(?<![A-Za-z0-9])(?:(?:gsk|hf|gho|ghp|github_pat|fw|r8)_|(?:glpat|xai|nvapi|pplx|csk|xoxb|xoxp)-)[\w-]{8,}"),
        MASK,
    ),
    (
        ("aiza", "ya29.", "akia", "asia", "eyj"),  # Google, Amazon, JSON web tokens
        re.compile(r"(?<![A-Za-z0-9])(?:AIza[\w-]{20,}|ya29\.[\w.-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?)"),
        MASK,
    ),
)
"""Words of which one must occur, in lower case, before a pattern is worth its time; the pattern; what is put in place of a match."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Give back `text` with everything masked that is or looks like a credential. Redacting twice changes nothing more.

    Masked are: each of `secrets` as it is, percent-encoded and JSON-escaped; user and password of URLs, and their whole query and
    fragment, as a key may go by any name there; what follows `Bearer` and its like; values of headers, fields and parameters that are
    named like a key; words shaped like the keys of well-known services.

    Args:
        text: any text; the time taken grows linearly with its length.
        secrets: credentials known to be in use. Shorter ones than four characters and words such as `ollama` or `EMPTY`, which stand
            where no key is needed, are left alone.
    """
    used = tuple(secrets)
    return _redacted_again(text, used) if len(text) <= _OFTEN else _redacted(text, used)


def _redacted(text: str, secrets: tuple[str, ...]) -> str:
    for form in _forms(secrets):
        text = text.replace(form, MASK)
    if "://" in text:
        text = _URL_REST.sub(_without_credentials, text)
    lowered = text.lower()
    for needles, pattern, replacement in _RULES:
        for needle in needles:
            if needle in lowered:
                text = pattern.sub(replacement, text)
                break
    return text


_redacted_again = functools.lru_cache(maxsize=128)(_redacted)
"""A server that fails says the same words each time."""


def _without_credentials(match: re.Match[str]) -> str:
    """A URL behind its scheme, without user, password, query and fragment."""
    before, at, rest = match[1].rpartition("@")
    if "?" in before or "#" in before:
        return f"://{MASK}"  # a password with one of these in it, or a query with an `@`: which, cannot be told
    if at:
        before = MASK
    end = min(position if position >= 0 else len(rest) for position in (rest.find("?"), rest.find("#")))
    query = f"?{MASK}" if end < len(rest) else ""
    return f"://{before}{at}{rest[:end]}{query}"


@functools.lru_cache(maxsize=64)
def _forms(secrets: tuple[str, ...]) -> list[str]:
    """Every way in which one of the secrets may be written, longest first, so that one within another leaves no rest.

    Kept, as every failed call of a service asks for the same ones.
    """
    forms = set[str]()
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET and secret.lower() not in _DUMMIES:
            forms |= {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}
    return sorted(forms, key=len, reverse=True)
