"""What the history's routes take, checked: every objection names the parameter and says what would do."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from venom_otel import semconv
from venom_otel.services.compared import Grouping
from venom_otel.services.figures import Window
from venom_otel.services.history import DEFAULT_LIMIT, MAX_LIMIT
from venom_otel.services.moments import moment, span_ns
from venom_otel.services.tables import Format
from venom_otel.store.protocol import Dimension, RequestFilter, RequestStatus, Search

MAX_WAIT_S: Final = 30.0
MAX_CURSOR: Final = 2**63 - 1
"""The greatest number that a store can hold."""
AUTO: Final = "auto"
_EXAMPLE: Final = f"{semconv.GEN_AI_REQUEST_SEED}=7"


def _moment(words: str) -> str:
    moment(words, 0)
    return words


def _step(words: str) -> str:
    if words != AUTO:
        span_ns(words)
    return words


def attributes(pairs: list[str]) -> list[str]:
    """Objects to what is not `name=value`, or names one twice."""
    names = [pair.partition("=")[0] for pair in pairs]
    for pair, name in zip(pairs, names, strict=True):
        if not name or "=" not in pair:
            raise ValueError(f"{pair!r} is no attribute and value: give them like {_EXAMPLE}")
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is given twice, and no span has two values of it: give each attribute once")
    return pairs


Moment = Annotated[str, AfterValidator(_moment)]


class Parameters(BaseModel):
    """A route's query; a parameter that the route does not know is an error."""

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        if isinstance(given, dict) and (unknown := sorted(given.keys() - cls.model_fields.keys())):
            raise ValueError(f"there is no parameter {', '.join(map(repr, unknown))}, only {', '.join(cls.model_fields)}")
        return given


class Filters(Parameters):
    """Which requests; every parameter that is given must hold, of one given several times any of its values."""

    provider: list[str] = Field(default_factory=list, description="Who answered, exactly.", examples=[["ollama"], ["vllm", "ollama"]])
    model: list[str] = Field(default_factory=list, description="The model asked for, exactly.", examples=[["llama3.1:8b"]])
    endpoint: list[str] = Field(default_factory=list, description="The base URL, exactly.", examples=[["http://localhost:11434/v1"]])
    service: list[str] = Field(
        default_factory=list, description="`service.name` of the application that asked, exactly.", examples=[["chat-api"]]
    )
    status: list[RequestStatus] = Field(default_factory=list, description="How the request ended.", examples=[["FAILED"]])
    error_kind: list[str] = Field(default_factory=list, description="The kind of failure.", examples=[["model_not_found"]])
    fallback: bool | None = Field(
        None,
        description="Attempts of routed calls: true for those in another server's place, false for those where the call belonged.",
        examples=[True],
    )

    def named(self) -> RequestFilter:
        """The filter without its times and cursors."""
        return RequestFilter(
            provider=tuple(self.provider) or None,
            model=tuple(self.model) or None,
            endpoint=tuple(self.endpoint) or None,
            service=tuple(self.service) or None,
            status=tuple(self.status) or None,
            error_kind=tuple(self.error_kind) or None,
            fallback=self.fallback,
        )


class ListQuery(Filters):
    """Which requests of the list."""

    model_config = ConfigDict(extra="forbid")

    since: Moment | None = Field(
        None,
        description="Only requests that began then or later: ISO 8601, UTC where no offset is given, or how long ago.",
        examples=["15m", "2026-11-22T21:04:05Z"],
    )
    until: Moment | None = Field(None, description="Only those that began then or earlier; as `since`.", examples=["2026-11-22T22:00:00Z"])
    text: str = Field("", max_length=1000, description="Stands anywhere in its span; upper and lower case are one.", examples=["quota"])
    attribute: Annotated[list[str], AfterValidator(attributes)] = Field(
        default_factory=list,
        description="`name=value` of an attribute of the request's span or its resource, exactly; may be given several times.",
        examples=[[_EXAMPLE]],
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        which = self.which()
        if which.since_ns is not None and which.until_ns is not None and which.until_ns < which.since_ns:
            raise ValueError("`since` must not be later than `until`")
        return self

    def which(self) -> RequestFilter:
        """The filter as the services take it."""
        now = time.time_ns()
        return replace(
            self.named(),
            since_ns=moment(self.since, now) if self.since else None,
            until_ns=moment(self.until, now) if self.until else None,
        )

    def search(self) -> Search | None:
        """What the spans must hold besides; None where nothing is asked of them."""
        pairs = (pair.partition("=") for pair in self.attribute)
        return Search(self.text, {name: value for name, _, value in pairs}) if self.text or self.attribute else None


class RequestQuery(ListQuery):
    """Which requests, and which page of them."""

    after: int | None = Field(None, ge=0, le=MAX_CURSOR, description="A cursor: only what arrived later, oldest first.", examples=[1207])
    before: int | None = Field(
        None, ge=-MAX_CURSOR, le=MAX_CURSOR, description="A cursor: only what arrived earlier, newest first.", examples=[1158]
    )
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Most items of a page.")
    wait: float = Field(
        0, ge=0, le=MAX_WAIT_S, description="Seconds to wait for a first item where there is none; to follow with `after`.", examples=[25]
    )

    def which(self) -> RequestFilter:
        """The filter as the services take it."""
        return replace(super().which(), after=self.after, before=self.before)


class ExportQuery(ListQuery):
    """Which requests, and how they are written."""

    format: Format = Field(Format.CSV, description="`csv`, what is nested side by side, or `jsonl`, one JSON object a line.")


class CompareQuery(Parameters):
    """What is compared."""

    model_config = ConfigDict(extra="forbid")

    since: Moment = Field("24h", description="As of the list; widened to whole minutes, to whole hours where the range is more than a day.")
    until: Moment = Field("0s", description="As `since`; now where it is not given.", examples=["2026-11-22T22:00:00Z"])
    by: Grouping = Field(Grouping.PLACE, description="What a row is; `place` is a model at an endpoint.")
    service: list[str] = Field(default_factory=list, description="Only requests of these applications, exactly.", examples=[["chat-api"]])

    @model_validator(mode="after")
    def _fits(self) -> CompareQuery:
        self.window()
        return self

    def window(self) -> Window:
        """The range."""
        now = time.time_ns()
        return Window(moment(self.since, now), moment(self.until, now))


class FigureQuery(Filters):
    """Which requests are summed up, and how they are told apart."""

    model_config = ConfigDict(extra="forbid")

    since: Moment = Field("1h", description="As of the list; widened to whole minutes, to whole hours where the range is more than a day.")
    until: Moment = Field("0s", description="As `since`; now where it is not given.", examples=["2026-11-22T22:00:00Z"])
    step: Annotated[str, AfterValidator(_step)] | None = Field(
        None,
        description=f"Width of a step, like 1m or 6h, or `{AUTO}` for at most a hundred; one over the whole range where it is not given.",
        examples=[AUTO, "5m"],
    )
    by: list[Dimension] = Field(
        default_factory=list, description="What tells groups apart; may be given several times.", examples=[["provider", "model"]]
    )

    @model_validator(mode="after")
    def _fits(self) -> FigureQuery:
        self.window()
        return self

    def window(self) -> Window:
        """The range and its steps."""
        now = time.time_ns()
        since, until = moment(self.since, now), moment(self.until, now)
        if self.step == AUTO and until > since:
            return Window.readable(since, until)
        return Window(since, until, span_ns(self.step) if self.step and self.step != AUTO else None)
