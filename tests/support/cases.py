"""The cases of the correctness matrix: what the server does, what the application does, and what the contract makes of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from support import behaviours, dialects, drive
from support.app import OLLAMA, OPENAI
from support.dialects import Answer
from support.expected import Failed
from support.patience import WAIT_S

if TYPE_CHECKING:
    from support.chat_server import Behaviour
    from support.drive import Act

CALL, STREAM = "call", "stream"

ALL_CHUNKS = {OPENAI: 10, OLLAMA: 9}
"""Of a whole answer: OpenAI's dialect has a first chunk without words and a last one with the usage, Ollama's a last one."""


@dataclass(frozen=True)
class Case:
    """One row: a story, and what it comes to. `trips` are changes to the expectation of a call that goes well, one a round trip."""

    name: str
    script: tuple[Behaviour, ...]
    call: tuple[dict[str, Any], ...] = ({},)
    stream: tuple[dict[str, Any], ...] = ({},)
    act: Act = drive.plain
    server: bool = True
    """Whether there is one: else the port is closed."""
    retries: int = 0
    read_s: float = WAIT_S
    override: str | None = None
    """The model that the settings ask for instead of the service's own."""
    impossible: dict[tuple[str, str], str] = field(default_factory=dict)
    """Why there is no such case for a mode and connector."""

    def trips(self, mode: str, connector: str) -> list[dict[str, Any]]:
        """The expectations' changes for one combination."""
        found = []
        for change in self.call if mode == CALL else self.stream:
            whole = {"chunks": ALL_CHUNKS[connector]} if mode == STREAM else {}
            made = {**whole, **{key: value for key, value in change.items() if key not in (OPENAI, OLLAMA)}}
            found.append({**made, **change.get(connector, {})})
        return found


def _refusal(name: str, error: dialects.Error, kind: str, **headers: str) -> Case:
    change = {
        "outcome": "error",
        "failed": Failed(kind, str(error.status), error.status),
        "chunks": 0,
        "named": False,
        "usage": False,
        "finish": None,
        "http": (error.status,),
    }
    return Case(name, (behaviours.refuses(error, **headers),), (change,), (change,))


_NOTHING = {"chunks": 0, "named": False, "usage": False, "finish": None}
_BEGUN = {"chunks": 2, "usage": False, "finish": None}
"""A stream of which two chunks came."""

_NO_STREAM = {(CALL, OPENAI): "a call has no stream", (CALL, OLLAMA): "a call has no stream"}
_NOBODY_LEAVES = {(CALL, OPENAI): "a call gives nothing before its end that a consumer could leave", (CALL, OLLAMA): "the same"}


def _left(name: str, act: Act) -> Case:
    change = {**_BEGUN, "outcome": "abandoned"}
    return Case(name, (behaviours.hangs(after=2),), stream=(change,), act=act, impossible=_NOBODY_LEAVES)


_BROKEN = Failed("broken_stream", "connection_error")
_TOOL_CALL = {"finish": "tool_calls", STREAM: {}}

CASES = [
    Case("ok", (behaviours.answers(),)),
    _refusal("404 model", dialects.MODEL_MISSING, "model_not_found"),
    _refusal("404 path", dialects.PATH_MISSING, "wrong_path"),
    _refusal("401", dialects.UNAUTHORISED, "auth"),
    _refusal("429", dialects.RATE_LIMITED, "rate_limited"),
    _refusal("500", dialects.FAILED, "server_error"),
    _refusal("503", dialects.BUSY, "overloaded"),
    _refusal("503 loading", dialects.LOADING, "loading"),
    Case(
        "refused",
        (),
        *[
            (
                {
                    **_NOTHING,
                    "outcome": "error",
                    "failed": Failed("not_reached", "connection_error"),
                    "http": (("ConnectError", "All connection attempts failed"),),
                },
            )
        ]
        * 2,
        server=False,
    ),
    Case(
        "timeout",
        (behaviours.hangs(),),
        *[({**_NOTHING, "outcome": "error", "failed": Failed("timeout", "timeout"), "http": (("ReadTimeout", ""),)},)] * 2,
        read_s=0.05,
    ),
    Case(
        "broken mid-stream",
        (behaviours.breaks(after=2),),
        call=({**_NOTHING, "outcome": "error", "failed": _BROKEN},),
        stream=({**_BEGUN, "outcome": "error", "failed": _BROKEN},),
    ),
    Case(
        "dropped",
        (behaviours.drops(),),
        # No part of an answer came; but there is a server, so it is not "not reached".
        *[({**_NOTHING, "outcome": "error", "failed": Failed("server_error", "connection_error"), "http": (("ReadError", ""),)},)] * 2,
    ),
    Case(
        "error event mid-stream",
        (behaviours.fails_midway(dialects.FAILED, after=2),),
        # The HTTP status was 200: the error has none, and its type is the class that the client raises.
        stream=({**_BEGUN, "outcome": "error", "failed": Failed("server_error")},),
        impossible=_NO_STREAM,
    ),
    _left("early break", drive.early_break),
    _left("aclose", drive.aclose),
    Case(
        "task cancelled",
        (behaviours.hangs(after=2),),
        call=({**_NOTHING, "outcome": "cancelled", "http": (None,)},),
        stream=({**_BEGUN, "outcome": "cancelled"},),
        act=drive.cancelled,
    ),
    _left("garbage-collected", drive.garbage_collected),
    Case(
        "tool loop",
        (behaviours.answers(Answer(tool="clock-time", finish="tool_calls")), behaviours.answers()),
        call=({"finish": "tool_calls"}, {}),
        stream=({"finish": "tool_calls", OPENAI: {"chunks": 3}, OLLAMA: {"chunks": 2}}, {}),
        act=drive.tools,
    ),
    Case(
        "model override",
        (behaviours.answers(),),
        # Ollama's connector always sends the service's own model.
        *[({OPENAI: {"model": "other-model"}},)] * 2,
        override="other-model",
    ),
    Case(
        "empty choices",
        (behaviours.answers(Answer(choices=False)),),
        # Semantic Kernel returns an empty list: nothing of the reply is left to read.
        call=(_NOTHING,),
        # Chunks without choices are passed over, but for the one with the usage.
        stream=({"chunks": 1, "finish": None},),
        impossible={
            (CALL, OLLAMA): "Ollama's dialect has one message and no choices",
            (STREAM, OLLAMA): "the same",
        },
    ),
    Case("empty stream", (behaviours.says_nothing(),), stream=(_NOTHING,), impossible=_NO_STREAM),
    Case(
        "stream without usage or [DONE]",
        (behaviours.answers(Answer(usage=False, done=False)),),
        call=({"usage": False},),
        stream=({"usage": False, OPENAI: {"chunks": 9}, OLLAMA: {"chunks": 8, "finish": None}},),
    ),
    Case(
        "client resend 500 then 200",
        (behaviours.refuses(dialects.FAILED, **{"retry-after-ms": "1"}), behaviours.answers()),
        *[({"http": (500, 200)},)] * 2,
        retries=2,
        impossible={(CALL, OLLAMA): "Ollama's client never sends again", (STREAM, OLLAMA): "the same"},
    ),
]
"""Twenty concurrent is a test of its own, beside the matrix, as it has twenty applications."""


class Combination(NamedTuple):
    """One cell of the matrix."""

    case: Case
    mode: str
    connector: str

    @property
    def possible(self) -> bool:
        """Whether there is such a thing."""
        return (self.mode, self.connector) not in self.case.impossible

    @property
    def trips(self) -> list[dict[str, Any]]:
        """What the contract makes of it, as changes to a call that goes well."""
        return self.case.trips(self.mode, self.connector)

    def __str__(self) -> str:
        return f"{self.case.name}-{self.mode}-{self.connector}"


COMBINATIONS = [Combination(*cell) for cell in itertools.product(CASES, (CALL, STREAM), (OPENAI, OLLAMA))]
POSSIBLE = [combination for combination in COMBINATIONS if combination.possible]
