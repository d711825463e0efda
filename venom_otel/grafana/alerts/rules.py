"""The alert rules of venom_otel: what is bad news about model servers, whose, and how it is seen."""

from __future__ import annotations

from typing import Final

from venom_otel.grafana import names, uids
from venom_otel.grafana.alerts.rule import Rule
from venom_otel.grafana.promql import MEMORY, WHO, grown, highest, quantile, select, total

WINDOW: Final = "5m"
HTTP_FAILURES: Final = ("404", "500")
OBJECTIVE: Final = 0.99
"""The share of requests that should be answered."""
FAST_BURN: Final = 14.4
"""How many times faster than allowed: 2 % of a month's failures within one hour (Google's SRE workbook, chapter 5)."""
FEWEST_REQUESTS: Final = 10
"""In the longer window: below that a share says little, and the alert of a failing model speaks anyway."""
SLOW_FIRST_TOKEN_S: Final = 5.0
FEWEST_STREAMS: Final = 5


def _labelled(name: str) -> str:
    """The label's value, and `any` where the series has none: Grafana would write `[no value]`, and Prometheus's ALERTS the template."""
    return f"{{{{ with .Labels.{name} }}}}{{{{ . }}}}{{{{ else }}}}any{{{{ end }}}}"


_SERVER: Final = {"provider": _labelled(names.PROVIDER), "endpoint": _labelled(names.ENDPOINT)}
_IDENTITY: Final = {**_SERVER, "model": _labelled(names.MODEL)}
_VARIABLES: Final = {"provider": names.PROVIDER, "model": names.MODEL, "endpoint": names.ENDPOINT}
_MODEL_AT_SERVER: Final = f"{{{{ .Labels.{names.MODEL} }}}} at {{{{ .Labels.{names.PROVIDER} }}}} ({{{{ .Labels.{names.ENDPOINT} }}}})"

_HTTP_FAILED: Final = select(names.REQUESTS, (names.ERROR, "=~", "|".join(HTTP_FAILURES)))
_FAILED: Final = select(names.REQUESTS, (names.ERROR, "!=", ""))


def _burn(window: str) -> str:
    """How many times faster failures come than the objective allows."""
    failed, asked = total(grown(_FAILED, window), *WHO), total(grown(names.REQUESTS, window), *WHO)
    return f"{failed} / ({asked} > 0) / {1 - OBJECTIVE:g}"


_RUNTIME: Final = (names.RUNTIME, names.PROVIDER, names.ENDPOINT)
_UP_NOW: Final = highest(names.UP, *_RUNTIME)
_UP_LATELY: Final = highest(f"last_over_time({names.UP}[{MEMORY}])", *_RUNTIME)

_HEARD_OF: Final = f"count by ({names.SERVICE}) (last_over_time({names.REQUESTS}[{MEMORY}]) or last_over_time({names.UP}[{MEMORY}]))"
_HEARD_NOW: Final = f"count by ({names.SERVICE}) ({names.REQUESTS} or {names.UP})"

MODEL_FAILING: Final = Rule(
    name="ModelFailing",
    title="A model fails with 404 or 500",
    query=total(grown(_HTTP_FAILED, WINDOW), *WHO, names.ERROR),
    is_="above",
    threshold=0,
    severity="critical",
    summary=f"{_MODEL_AT_SERVER} fails with {{{{ .Labels.{names.ERROR} }}}}",
    description=(
        "Requests answered that way in the last five minutes: {value}. "
        "404: the server does not have this model, or the base URL is wrong. 500: the server failed while it worked on the request."
    ),
    dashboard=uids.FAILURES,
    lookback_s=3900,
    labels={**_IDENTITY, "error_type": _labelled(names.ERROR)},
    variables=_VARIABLES,
)

RUNTIME_DOWN: Final = Rule(
    name="RuntimeDown",
    title="A model server is down",
    # Below 1 three ways: it says so, it was there within the hour and is not any more, or nothing is known of any server.
    query=f"{_UP_NOW} or {_UP_LATELY} * 0 or absent({names.UP}) - 1",
    is_="below",
    threshold=1,
    severity="critical",
    summary=(
        f"{{{{ with .Labels.{names.RUNTIME} }}}}Model server {{{{ . }}}} ({{{{ $.Labels.{names.ENDPOINT} }}}}) "
        "is down, or not watched any more"
        "{{ else }}No model server is watched: nothing comes from venom-otel up or monitor{{ end }}"
    ),
    description="Requests cannot be sent there, or nobody says that they can. The dashboard says since when and how it was before.",
    dashboard=uids.RUNTIMES,
    lookback_s=3600,
    hold="1m",
    silence_fires=True,
    labels={**_SERVER, "runtime": _labelled(names.RUNTIME)},
    variables={"provider": names.PROVIDER, "endpoint": names.ENDPOINT},
)

FALLBACK_ACTIVE: Final = Rule(
    name="FallbackActive",
    title="A fallback answers",
    query=total(grown(names.FALLBACKS, WINDOW), names.FROM, names.TO, names.ERROR),
    is_="above",
    threshold=0,
    severity="warning",
    summary=f"{{{{ .Labels.{names.TO} }}}} is asked instead of {{{{ .Labels.{names.FROM} }}}} ({{{{ .Labels.{names.ERROR} }}}})",
    description="Times in the last five minutes: {value}. Applications get answers, from another server than they should.",
    dashboard=uids.OVERVIEW,
    lookback_s=3900,
    labels={
        "provider": _labelled(names.FROM),
        "fallback_provider": _labelled(names.TO),
        "error_type": _labelled(names.ERROR),
    },
)

ERROR_RATE_BURN: Final = Rule(
    name="ErrorRateBurn",
    title="Too many requests fail",
    # The short window lets it end soon after the failures do; the long one keeps a few failures from raising it.
    query=(f"{_burn('1h')} and ({_burn(WINDOW)} > {FAST_BURN:g}) and ({total(grown(names.REQUESTS, '1h'), *WHO)} >= {FEWEST_REQUESTS})"),
    is_="above",
    threshold=FAST_BURN,
    severity="critical",
    summary=f"{_MODEL_AT_SERVER} fails too often",
    description=(
        f"Of its requests {OBJECTIVE:.0%} should succeed. Over the last hour failures came {{value}} times faster than that allows, "
        "and they still do."
    ),
    dashboard=uids.FAILURES,
    lookback_s=7200,
    hold="2m",
    labels=_IDENTITY,
    variables=_VARIABLES,
)

SLOW_FIRST_TOKEN: Final = Rule(
    name="SlowFirstToken",
    title="Streams begin slowly",
    query=(f"{quantile(0.95, grown(names.FIRST_TOKEN, '10m'), *WHO)} and ({total(grown(names.STREAMS, '10m'), *WHO)} >= {FEWEST_STREAMS})"),
    is_="above",
    threshold=SLOW_FIRST_TOKEN_S,
    severity="warning",
    summary=f"{_MODEL_AT_SERVER} begins its answers slowly",
    description=(
        f"One stream of twenty took {{value}} s or more to its first token in the last ten minutes; {SLOW_FIRST_TOKEN_S:g} s are the limit."
    ),
    dashboard=uids.OVERVIEW,
    lookback_s=4200,
    hold="5m",
    labels=_IDENTITY,
    variables=_VARIABLES,
)

TELEMETRY_MISSING: Final = Rule(
    name="TelemetryMissing",
    title="Telemetry is missing",
    query=f"{_HEARD_OF} unless {_HEARD_NOW} or absent({names.REQUESTS} or {names.UP})",
    is_="above",
    threshold=0,
    severity="warning",
    summary=(
        f"{{{{ with .Labels.{names.SERVICE} }}}}Nothing comes from {{{{ . }}}} any more"
        "{{ else }}No telemetry of model requests comes at all{{ end }}"
    ),
    description="It was heard of within the last hour, or never. Other alerts about it cannot be trusted until it is heard of again.",
    dashboard=uids.OVERVIEW,
    lookback_s=3600,
    hold="5m",
    silence_fires=False,
    labels={"service": _labelled(names.SERVICE)},
    variables={"service": names.SERVICE},
)

RULES: Final = (MODEL_FAILING, RUNTIME_DOWN, FALLBACK_ACTIVE, ERROR_RATE_BURN, SLOW_FIRST_TOKEN, TELEMETRY_MISSING)
