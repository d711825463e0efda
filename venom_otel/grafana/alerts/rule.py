"""What an alert rule is, told of neither Grafana nor Prometheus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Rule:
    """A rule fires for each series of `query` whose value is `above` or `below` the threshold.

    Texts are Go templates that Prometheus and Grafana both know, over `.Labels`; `{value}` stands for the series' value, which the two
    call by different names. In labels `{{ .Labels.x }}`, not `$labels.x`: Grafana takes a `$` there for a variable of the environment.
    """

    name: str
    """In Prometheus; the runbook is docs/runbooks/NAME.md."""
    title: str
    query: str
    is_: Literal["above", "below"]
    threshold: float
    severity: Literal["critical", "warning", "info"]
    summary: str
    description: str
    dashboard: str
    """The uid of the dashboard that shows it."""
    lookback_s: int
    """How far back the query looks, its longest window and offset together."""
    hold: str = "0s"
    """How long it must be so before the alert fires, as a Prometheus duration."""
    silence_fires: bool = False
    """Whether it is bad news that the query finds nothing at all."""
    labels: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    """The dashboard's variables and the series' labels that they are set from."""

    @property
    def uid(self) -> str:
        """In Grafana: at most 40 characters."""
        return f"venom-otel-{self.name.lower()}"
