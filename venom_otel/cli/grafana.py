"""`venom-otel grafana`: the dashboards and alert rules in a Grafana that runs already."""

from __future__ import annotations

import contextlib
import webbrowser
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from venom_otel.cli.doctor.findings import Finding, Report, broken, note, ok, warning
from venom_otel.errors import GrafanaError, MissingExtraError, SettingsError
from venom_otel.grafana import uids
from venom_otel.settings import GrafanaSettings, load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from venom_otel.grafana.client import Grafana
    from venom_otel.grafana.push import Step
    from venom_otel.grafana.wanted import Target

grafana = typer.Typer(no_args_is_help=True, help="Bring dashboards and alert rules into a Grafana that runs already, and look at them.")

DASHBOARDS: Final = {uid.removeprefix("venom-otel-"): uid for uid in (uids.OVERVIEW, uids.RUNTIMES, uids.FAILURES, uids.COMPARE)}
_DIFF_LINES: Final = 60
"""Of one dashboard or rule; `--full` shows all."""

Url = Annotated[str | None, typer.Option(help="Address of Grafana.", show_default="VENOM_OTEL_GRAFANA_URL")]
TokenFile = Annotated[
    Path | None, typer.Option(dir_okay=False, help="A file with the token of a service account.", show_default="VENOM_OTEL_GRAFANA_TOKEN")
]
PrometheusUid = Annotated[str | None, typer.Option(help="Which of Grafana's Prometheus datasources, where it has several.")]
TempoUid = Annotated[str | None, typer.Option(help="Which of Grafana's Tempo datasources, where it has several.")]
LokiUid = Annotated[str | None, typer.Option(help="Which of Grafana's Loki datasources, where it has several.")]
CockpitUrl = Annotated[str, typer.Option(help="Address of the cockpit that dashboards lead to.")]


@grafana.command()
def push(
    *,
    url: Url = None,
    token_file: TokenFile = None,
    folder: Annotated[str, typer.Option(help="The folder, by title or uid; made where there is none.")] = uids.FOLDER,
    prometheus_uid: PrometheusUid = None,
    tempo_uid: TempoUid = None,
    loki_uid: LokiUid = None,
    cockpit_url: CockpitUrl = uids.COCKPIT_URL,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; show what would be changed.")] = False,
    full: Annotated[bool, typer.Option("--full", help="With --dry-run: the whole of each difference.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what was changed in Grafana, too.")] = False,
    no_alerts: Annotated[bool, typer.Option("--no-alerts", help="Dashboards alone.")] = False,
) -> None:
    """Bring dashboards and alert rules into Grafana, or up to date. Contact points and notification policies are left alone.

    What is as it should be is left alone. What was changed in Grafana is named and left as it is, unless --force. Exit status 1 when
    something was left.
    """
    with _opened(url, token_file) as client:
        from venom_otel.grafana import push as pushing
        from venom_otel.grafana import wanted

        target = _target(client, prometheus_uid, tempo_uid, loki_uid, cockpit_url)
        place = client.folder(folder)
        if place is None:
            print(f"{'would make' if dry_run else 'making'} folder {folder!r}")
            place = "" if dry_run else client.make_folder(folder)
        steps = pushing.plan(client, target, place, alerts=not no_alerts)
        left, saved = 0, 0
        for step in steps:
            wants = step.state in (pushing.State.NEW, pushing.State.OTHER) or (step.state is pushing.State.EDITED and force)
            _say(step, dry_run=dry_run, full=full, overwritten=wants)
            left += step.state is not pushing.State.SAME and not wants
            if wants and not dry_run:
                pushing.apply(client, step, place)
                saved += step.kind == "alert rule"
        if saved:
            client.keep_interval(place, *wanted.group())
            print("Whom alerts are told to is said by Grafana's contact points and notification policies, which a push leaves alone.")
        if target.tempo is None:
            print("Grafana has no Tempo datasource: lists of traces stay empty until it has one and this is run again.")
        if left:
            print(f"{left} left as they are in Grafana. --dry-run shows the differences; --force overwrites what people changed.")
            raise typer.Exit(1)
        if not dry_run:
            print(f"{client.url}/d/{uids.OVERVIEW}")


@grafana.command(short_help="Say what of it works, and how to mend the rest.")
def check(
    *,
    url: Url = None,
    token_file: TokenFile = None,
    prometheus_uid: PrometheusUid = None,
    tempo_uid: TempoUid = None,
    loki_uid: LokiUid = None,
    hours: Annotated[float, typer.Option(min=0.1, max=24 * 30, help="How far back panels look for data.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with everything that was found.")] = False,
) -> None:
    """Say whether Grafana, its datasources and every panel work, and how to mend it.

    Exit status 1 when something is broken. A panel without data is named, but broken only if none has any.
    """
    report = Report(as_json=as_json)
    with _opened(url, token_file) as client:
        client.version()  # where nobody answers, nothing else is said
        report.section("Grafana", _server(client))
        target = _target(client, prometheus_uid, tempo_uid, loki_uid, uids.COCKPIT_URL)
        logs = client.health(target.loki["uid"]) if target.loki else None
        report.section("Datasources", [*_datasources(client, target), *_log_records(target.loki, logs)])
        # Log records are an addition: where they cannot be had, that has been said, and nothing is broken.
        report.section("Panels", _panels(client, replace(target, loki=None) if logs else target, hours))
    report.end()
    if report.is_broken:
        raise typer.Exit(1)


@grafana.command("open")
def open_(
    dashboard: Annotated[str, typer.Argument(help=f"One of: {', '.join(DASHBOARDS)}.")] = "overview",
    *,
    url: Url = None,
    print_only: Annotated[bool, typer.Option("--print", help="Print the address, open nothing.")] = False,
) -> None:
    """Open a dashboard in the browser, and print its address."""
    if dashboard not in DASHBOARDS:
        raise SettingsError(f"there is no dashboard {dashboard!r}: {', '.join(DASHBOARDS)}.")
    _extra()
    from venom_otel.grafana.client import Grafana

    with Grafana(url or load(GrafanaSettings).url, None) as client:
        address = f"{client.url}/d/{DASHBOARDS[dashboard]}"
    print(address)
    if not print_only:
        webbrowser.open(address)


def _extra() -> None:
    missing = [name for name in ("grafana_client", "requests") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"this command needs {', '.join(missing)}. Run: pip install 'venom-otel[grafana]'")


@contextlib.contextmanager
def _opened(url: str | None, token_file: Path | None) -> Iterator[Grafana]:
    _extra()
    from venom_otel.grafana.client import Grafana

    settings = load(GrafanaSettings)
    token = settings.token.get_secret_value() if settings.token else None
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingsError(f"--token-file {token_file} cannot be read: {why}.") from None
    token = (token or "").strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        where = f"--token-file {token_file}" if token_file else "VENOM_OTEL_GRAFANA_TOKEN"
        raise SettingsError(f"{where} holds no token: it must be one line of letters, digits and signs.")
    with Grafana(url or settings.url, token or None) as client:
        yield client


def _target(client: Grafana, prometheus_uid: str | None, tempo_uid: str | None, loki_uid: str | None, cockpit_url: str) -> Target:
    from venom_otel.grafana import wanted

    client.version()
    sources = client.datasources()
    prometheus = wanted.choose(sources, uids.PROMETHEUS, prometheus_uid)
    if prometheus is None:
        raise GrafanaError(
            f"Grafana at {client.url} has no Prometheus datasource that the token may ask. Add one under Connections, or give the token's "
            "service account the permission datasources:query."
        )
    tempo, loki = wanted.choose(sources, uids.TEMPO, tempo_uid), wanted.choose(sources, uids.LOKI, loki_uid)
    return wanted.Target(client.url, cockpit_url.rstrip("/"), prometheus, tempo, loki)


def _say(step: Step, *, dry_run: bool, full: bool, overwritten: bool) -> None:
    """A line for each, and below it what would be changed."""
    why = f" ({step.why})" if step.why else ""
    state = f"{step.state}{why}{', overwritten' if overwritten and step.why else ''}"
    print(f"{step.kind} {step.title!r}: {state}")
    if dry_run:
        shown = step.diff if full else step.diff[:_DIFF_LINES]
        for line in shown:
            print(f"    {line}")
        if len(shown) < len(step.diff):
            print(f"    … {len(step.diff) - len(shown)} more lines; --full shows them")


def _server(client: Grafana) -> Iterator[Finding]:
    yield ok(f"Grafana {client.version()} at {client.url}")
    rights = client.rights()
    from venom_otel.grafana import check as checking

    if rights is None:
        yield note("what the token may do cannot be seen")
    elif missing := checking.lacking(rights):
        yield warning(f"a push would be refused: the token lacks {', '.join(missing)}", "give its service account the role Admin")
    else:
        yield ok("the token may push dashboards and alert rules")


def _datasources(client: Grafana, target: Target) -> Iterator[Finding]:
    for source in (target.prometheus, target.tempo):
        if source is None:
            yield warning("there is no Tempo datasource: lists of traces are empty", "add one under Connections, then push again")
        elif wrong := client.health(source["uid"]):
            yield broken(f"{source['name']} ({source['uid']}) does not answer: {wrong}", "mend its address in Grafana under Connections")
        else:
            yield ok(f"{source['name']} ({source['uid']}) answers")


def _log_records(loki: dict[str, Any] | None, wrong: str | None) -> Iterator[Finding]:
    if loki is None:
        return
    if wrong:
        yield note(
            f"{loki['name']} ({loki['uid']}) does not answer: {wrong}; it is for log records alone: COMPOSE_PROFILES=loki in the stack"
        )
    else:
        yield ok(f"{loki['name']} ({loki['uid']}) answers")


def _panels(client: Grafana, target: Target, hours: float) -> Iterator[Finding]:
    from venom_otel.grafana import check as checking
    from venom_otel.grafana import wanted

    found = list(checking.panels(client, _lying(client, wanted.dashboards(target)), target, hours))
    if not found:
        yield broken("none of the dashboards is in this Grafana", "run `venom-otel grafana push`")
        return
    for panel in found:
        if panel.answer is checking.Answer.FAILED:
            yield broken(f"{panel.dashboard}, {panel.title}: {panel.words}", "mend the datasource, or push the dashboard again")
        elif panel.answer is checking.Answer.EMPTY:
            yield note(f"{panel.dashboard}, {panel.title}: no data in the last {hours:g} h; the panel says what that means")
    full = sum(panel.answer is checking.Answer.DATA for panel in found)
    if full:
        yield ok(f"{full} of {len(found)} panels have data")
    elif all(panel.answer is checking.Answer.EMPTY for panel in found):
        yield broken("no panel has data", "send metrics to the Prometheus behind this datasource: docs/stack.md; `venom-otel doctor` helps")


def _lying(client: Grafana, ours: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """The dashboards that are in Grafana, as they are there."""
    found = (client.dashboard(str(one["uid"])) for one in ours)
    return [one["dashboard"] for one in found if one is not None]
