"""Writes the pages of docs/ that are tables of what the code defines.

`python -m tools.docs` writes them; with `--check` it writes nothing, and says which are out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticUndefined

from venom_otel import semconv, settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parents[1]
GENERATED = "<!-- Written by `make docs` from {source}; change it there. -->"

STANDARD_VARIABLES = {
    "OTEL_EXPORTER_OTLP_*": "where telemetry goes, with which headers and how; also for one signal, as `OTEL_EXPORTER_OTLP_TRACES_*`",
    "OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER, OTEL_LOGS_EXPORTER": "which exporter a signal takes; `none` sends none of it",
    "OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES": "what the application is called",
    "OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG": "which traces are kept",
    "OTEL_BSP_*, OTEL_BLRP_*, OTEL_METRIC_EXPORT_*": "how often telemetry leaves, and how much of it waits at most",
    "OTEL_SDK_DISABLED": "`true` switches all of it off",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "whether prompts and answers are recorded; not unless it says so",
}


def settings_page() -> str:
    """docs/settings.md: every variable, its default and what it does."""
    return _page(
        "venom_otel/settings.py",
        "# Settings",
        "All settings are environment variables. Flags of a command win over them; `venom-otel` also reads a `.env` file in the directory"
        " it is started in, which never overrides the environment. An instrumented application reads no file.",
        "## The instrumented application",
        _variables(settings.InstrumentationSettings),
        "Standard variables keep their meaning:",
        _table(("variable", "what it says"), ((_codes(names), text) for names, text in STANDARD_VARIABLES.items())),
        "`VENOM_OTEL_RAISE_INTERNAL_ERRORS=1` is for tests: mistakes inside the instrumentation, otherwise logged once, are raised.",
        "## `venom-otel up`",
        _variables(settings.CockpitSettings),
        "## The model servers",
        "What `venom-otel runtimes` and `venom-otel up` look at; see [runtimes](runtimes.md). A key goes to the addresses of its own"
        " runtime alone. The scripts that start and stop servers have [a few more](scripts.md#settings).",
        _variables(settings.RuntimeSettings),
        "## `venom-otel grafana`",
        _variables(settings.GrafanaSettings),
        "## `venom-otel requests`",
        "`VENOM_OTEL_URL` is the address of the cockpit it asks; without that and `--url` it asks the one that runs on your data directory,"
        " else `http://127.0.0.1:8765`.",
    )


def telemetry_page() -> str:
    """docs/telemetry.md: every attribute, metric and event."""
    duration, tokens = (", ".join(f"{bound:g}" for bound in bounds) for bounds in (semconv.DURATION_BUCKETS, semconv.TOKEN_BUCKETS))
    return _page(
        "venom_otel/semconv.py",
        "# Telemetry",
        "What an instrumented application sends, and what is sent of the model servers. Names follow the OpenTelemetry GenAI semantic"
        " conventions 1.41.1 (all `gen_ai.*` is in development there); `llm.*` names are this project's own. The instrumentation scope is"
        f" `{semconv.SCOPE}`, the schema URL `{semconv.SCHEMA_URL}`.",
        "## Spans",
        "One span of kind CLIENT for each round trip of a chat service to its model, named `chat {model}` (INTERNAL for a model in the"
        " process). A call with automatic function invocation makes several. An attribute that nothing is known of is absent.",
        _table(
            ("attribute", "type", "what it says"), ((f"`{name}`", kind, text) for name, (kind, text) in semconv.SPAN_ATTRIBUTES.items())
        ),
        f"A failed call has the status ERROR and an event `{semconv.EVENT_EXCEPTION}` with `{semconv.EXCEPTION_TYPE}` and"
        f" `{semconv.EXCEPTION_MESSAGE}`, keys taken out. The outcomes `{semconv.OUTCOME_CANCELLED}` and `{semconv.OUTCOME_ABANDONED}`"
        " leave the status unset.",
        "## Routed calls",
        f"A call to a `FallbackChatCompletion` ([routing](routing.md)) has a span of its own, of kind INTERNAL and named `{semconv.ROUTE}"
        " {model}` after the first service's model, with the spans of its attempts below it. It is no request by itself: it has no"
        f" `{semconv.GEN_AI_OPERATION_NAME}`, no `{semconv.LLM_PROVIDER}`, no tokens and no duration metric, so that nothing counts twice.",
        _table(
            ("attribute", "type", "what it says"), ((f"`{name}`", kind, text) for name, (kind, text) in semconv.ROUTE_ATTRIBUTES.items())
        ),
        "## Error kinds",
        f"Values of `{semconv.LLM_ERROR_KIND}`, told apart by the reply's words.",
        _table(("kind", "what happened"), ((f"`{kind}`", text) for kind, text in semconv.ERROR_KINDS.items())),
        "## Metrics",
        _table(
            ("metric", "instrument", "unit", "what it measures"),
            ((f"`{name}`", instrument, f"`{unit}`", text) for name, (instrument, unit, text) in semconv.METRICS.items()),
        ),
        f"Attributes: {', '.join(f'`{name}`' for name in semconv.METRIC_ATTRIBUTES)};"
        f" `{semconv.METRIC_OPERATION_DURATION}` also has"
        f" {', '.join(f'`{name}`' for name in semconv.DURATION_ATTRIBUTES)}, and"
        f" `{semconv.METRIC_TOKEN_USAGE}` also `{semconv.GEN_AI_TOKEN_TYPE}`"
        f" (`{semconv.TOKEN_TYPE_INPUT}` or `{semconv.TOKEN_TYPE_OUTPUT}`).",
        f"Buckets of durations, in seconds: {duration}.",
        f"Buckets of token counts: {tokens}.",
        "Exemplars lead to the span of the call, in all of them but the gaps between chunks.",
        "## Metrics of routed calls",
        _table(
            ("metric", "instrument", "unit", "what it measures"),
            ((f"`{name}`", instrument, f"`{unit}`", text) for name, (instrument, unit, text) in semconv.ROUTE_METRICS.items()),
        ),
        _table(("attribute", "what it says"), ((f"`{name}`", text) for name, text in semconv.ROUTE_METRIC_ATTRIBUTES.items())),
        "At a service's first routed call it starts at 0 for each pair of services in the order of the list, with the types of error"
        f" {', '.join(f'`{name}`' for name in semconv.FALLBACK_ERROR_TYPES)}. Exemplars lead to the routed call's span.",
        "## Metrics of the model servers",
        "What `venom-otel up` and `venom-otel monitor` send of the servers they watch, as"
        f" `{semconv.SERVICE_NAME}={semconv.MONITOR_SERVICE}` in the scope `{semconv.MONITOR_SCOPE}`; see [health](health.md).",
        _table(
            ("metric", "instrument", "unit", "what it measures"),
            ((f"`{name}`", instrument, f"`{unit}`", text) for name, (instrument, unit, text) in semconv.RUNTIME_METRICS.items()),
        ),
        _table(("attribute", "what it says"), ((f"`{name}`", text) for name, text in semconv.RUNTIME_METRIC_ATTRIBUTES.items())),
        "## Log records",
        _table(
            ("event or logger", "severity", "when"),
            (
                (f"`{semconv.EVENT_OPERATION_EXCEPTION}`", "WARN", "a call failed; with provider, model and endpoint"),
                (f"`{semconv.EVENT_OPERATION_DETAILS}`", "INFO", "a call ended, only with content capture in events"),
                (f"`{semconv.REQUEST_LOGGER}` (Python's `logging`)", "INFO", "a call ended: who answered, outcome, duration, tokens"),
            ),
        ),
    )


PAGES = {"settings.md": settings_page, "telemetry.md": telemetry_page}


def _page(source: str, title: str, *paragraphs: str) -> str:
    return "\n\n".join([title, GENERATED.format(source=source), *paragraphs]) + "\n"


def _variables(model: type[BaseSettings]) -> str:
    prefix = str(model.model_config.get("env_prefix", ""))
    rows = (
        (f"`{(prefix + name).upper()}`", _default(field.default), field.description or "") for name, field in model.model_fields.items()
    )
    return _table(("variable", "default", "what it does"), rows)


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined or value == "":
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _codes(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main(arguments: list[str]) -> int:
    stale = [name for name, page in PAGES.items() if not _is(ROOT / "docs" / name, page())]
    if arguments == ["--check"]:
        for name in stale:
            print(f"docs/{name} does not say what the code does: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    if arguments:
        print("usage: python -m tools.docs [--check]", file=sys.stderr)
        return 2
    for name in stale:
        (ROOT / "docs" / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"docs/{name} written")
    return 0


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
