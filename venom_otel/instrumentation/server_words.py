"""What a server said, out of the text that a client's exception wraps it in.

Clients write the reply's status and its whole body, mostly as Python shows a dict, around the one sentence that a reader wants:
`Error code: 404 - {'error': {'message': "model 'm' not found", 'type': 'api_error', …}}`. Spans keep that text as it is; this is for lists,
alerts and whatever else says in a line what went wrong.
"""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Mapping
from typing import Final

_AROUND: Final = (
    re.compile(r"Error code: \d{3} - (?P<body>.+)", re.DOTALL),  # OpenAI's and Anthropic's clients, so Azure's of OpenAI, too
    re.compile(r"API error occurred: Status \d{3}\.?(?: Content-Type \S.*?\.)? Body: (?P<body>.+)", re.DOTALL),  # Mistral's
    re.compile(r"\d{3} [A-Z_]+\. (?P<body>\{.+)", re.DOTALL),  # Google's
    re.compile(r"Operation returned an invalid status '[^']*'\s+Content: (?P<body>.+)", re.DOTALL),  # Azure's
    re.compile(r"\([\w.]+\) (?P<words>.+?)\s+Code: .+?\s+Message: .+", re.DOTALL),  # Azure's, of a body that it could read
    re.compile(r"An error occurred \([\w.]+\) when calling the \w+ operation(?: \([^)]*\))?: (?P<words>.+)", re.DOTALL),  # botocore's
    re.compile(r"(?P<words>.+) \(status code: \d{3}\)", re.DOTALL),  # Ollama's
    re.compile(r"(?P<words>(?:Client|Server) error '.+?' for url '.+?')\s+For more information check: \S+"),  # httpx's
)
"""How each client wraps it: `words` are what the server said, `body` is all that it sent."""
_NOTHING: Final = re.compile(r"Error code: \d{3}")
"""OpenAI's and Anthropic's, of a reply without a body."""
_FIELDS: Final = ("message", "error", "detail", "error_message", "msg")
"""Where bodies have their words, the best first: OpenAI's dialect, Ollama's, FastAPI's."""
_CUT_OFF: Final = re.compile(
    r"""['"](?:message|detail|error|msg)['"]: *(?:'(?P<single>(?:[^'\\]|\\.)*+)|"(?P<double>(?:[^"\\]|\\.)*+))""", re.DOTALL
)
"""The words in a body of which the end is missing, for texts are kept to a certain length."""
_DEEP: Final = 4


@functools.lru_cache(maxsize=1024)  # a server that fails says the same words each time
def server_words(text: str) -> str:
    """The server's own words; where a client did not wrap them, or not as is known here, the text as it is; empty where it said nothing."""
    text = text.strip()
    if _NOTHING.fullmatch(text):
        return ""
    for around in _AROUND:
        found = around.fullmatch(text)
        if found is not None:
            said = found.groupdict()
            return said.get("words") or _of_body(said["body"].strip())
    return text


def _of_body(body: str) -> str:
    """The words of a reply's body; all of it where they are not found."""
    if body[:1] not in "{[":
        return body
    for read in (json.loads, ast.literal_eval):
        try:
            return _said(read(body)) or body
        except (ValueError, SyntaxError, MemoryError, RecursionError):  # the other notation, or cut off
            continue
    found = _CUT_OFF.search(body)
    return re.sub(r"\\(['\"\\])", r"\1", found["single"] or found["double"] or "") + "…" if found else body


def _said(value: object, depth: int = 0) -> str:
    """The first words in a body, by the names of fields; "" where there are none."""
    if isinstance(value, str):
        return value.strip()
    if depth < _DEEP and isinstance(value, Mapping):
        return next((words for name in _FIELDS if (words := _said(value.get(name), depth + 1))), "")
    if depth < _DEEP and isinstance(value, list):
        return "; ".join(filter(None, (_said(one, depth + 1) for one in value)))
    return ""
