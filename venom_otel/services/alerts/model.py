"""What an alert is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from venom_otel import semconv
from venom_otel.runtimes.names import label


class AlertKind(StrEnum):
    """What went wrong."""

    PROVIDER_ERROR = semconv.ALERT_PROVIDER_ERROR
    """Requests to a model fail."""
    SERVER_OFFLINE = semconv.ALERT_SERVER_OFFLINE
    """A model server takes no requests."""
    FALLBACK = semconv.ALERT_FALLBACK
    """Another server answers in a failed one's place."""


class Subject(NamedTuple):
    """What an alert is about. Troubles of equal subjects are one alert; "" where something is not said."""

    kind: AlertKind
    endpoint: str
    model: str
    error_kind: str
    """One of semconv's `ERROR_KINDS`, or a reason of a server's state."""

    @property
    def fingerprint(self) -> str:
        """The same for equal subjects, whenever and wherever: 16 hexadecimal digits."""
        return hashlib.sha256("\0".join(self).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that went wrong."""

    subject: Subject
    at_ns: int
    """When it ended, in nanoseconds since the epoch."""
    provider: str = ""
    error_type: str = ""
    words: str = ""
    service: str = ""
    """The application's `service.name`."""
    trace_id: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """Equal troubles, counted, from the first until what was wrong is right again. Times in nanoseconds since the epoch."""

    id: str
    newest: Trouble
    """What it says in words is the newest trouble's."""
    count: int
    first_ns: int
    resolved_ns: int | None = None
    """When it was seen that things are right again; None while they are not."""
    resolution: str | None = None
    """How that was seen, in words."""
    relapses: int = 0
    """How often it came back after it had been resolved."""
    acknowledged_ns: int | None = None
    """When a person took note; stays while the alert lasts, also when the count grows."""
    acknowledged_by: str | None = None

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return self.newest.subject

    @property
    def last_ns(self) -> int:
        """When the newest trouble was."""
        return self.newest.at_ns

    @property
    def active(self) -> bool:
        """Whether things are still wrong."""
        return self.resolved_ns is None

    @property
    def changed_ns(self) -> int:
        """When it last became another: for ordering, newest first."""
        return max(self.last_ns, self.resolved_ns or 0, self.acknowledged_ns or 0)


def summary(alert: Alert) -> str:
    """An alert in one line: `gemma-3-4b-it at http://gpu:8000/v1 (vllm): server_error, 12 times`."""
    newest, subject = alert.newest, alert.subject
    if subject.kind is AlertKind.SERVER_OFFLINE:
        return f"{label(newest.provider)} at {subject.endpoint} is offline"
    who = f"{subject.model} at {subject.endpoint}" if subject.model else subject.endpoint or "a request"
    provider = f" ({newest.provider})" if newest.provider else ""
    times = f", {alert.count} times" if alert.count > 1 else ""
    if subject.kind is AlertKind.FALLBACK:
        return f"{who}{provider} answers in another's place{times}"
    return f"{who}{provider}: {subject.error_kind or 'failed'}{times}"
