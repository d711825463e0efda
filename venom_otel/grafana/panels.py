"""The panels that dashboards are put together from: each has a text for when it is empty, and a datasource that is a variable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import logs, loki, prometheus, stat, statetimeline, table, tempo, text, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.tempo import SearchTableType
from grafana_foundation_sdk.models.text import TextMode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROMETHEUS: Final = dashboard.DataSourceRef(type_val="prometheus", uid="${prometheus}")
TEMPO: Final = dashboard.DataSourceRef(type_val="tempo", uid="${tempo}")
LOKI: Final = dashboard.DataSourceRef(type_val="loki", uid="${loki}")

SECONDS, SHARE, PER_SECOND, BYTES, COUNT = "s", "percentunit", "count:/s", "bytes", "short"
MOMENT: Final = "dateTimeFromNow"
"""Of milliseconds since the epoch."""

_NUMBER_PX: Final = 105

_LEAST_TOP: Final = {SHARE: 0.1, PER_SECOND: 0.1, COUNT: 1.0}
"""How far an axis reaches at least, by unit: over nothing but zeros Grafana draws one up to 100, which is 10000 %."""

EXPORTED: Final = "1m"
"""How often OpenTelemetry's SDK exports metrics unless told otherwise: bars are no narrower."""

Panel = Builder[dashboard.Panel]
Link = dict[str, object]
"""A data link: `title`, `url`, and `targetBlank` where it leaves Grafana."""


@dataclass(frozen=True)
class Query:
    """A PromQL expression and what its series are called."""

    expr: str
    legend: str = ""
    exemplars: bool = False
    """Whether single requests are shown in it, each leading to its trace."""


@dataclass(frozen=True)
class About:
    """What every panel says of itself: what it shows, and what it means that there is nothing to show."""

    title: str
    shows: str
    empty: str


@dataclass(frozen=True)
class Size:
    """Of the grid's 24 columns, and in its rows."""

    width: int = 12
    height: int = 8


HALF, THIRD, WHOLE, TILE = Size(), Size(8), Size(24), Size(4, 5)


def over_time(
    about: About,
    queries: Sequence[Query],
    unit: str,
    *,
    size: Size = HALF,
    stacked: bool = False,
    bars: bool = False,
    links: Sequence[Link] = (),
) -> Panel:
    """Lines, or bars on one another, over time."""
    panel = timeseries.Panel().title(about.title).description(about.shows).no_value(about.empty).datasource(PROMETHEUS)
    panel = panel.span(size.width).height(size.height).unit(unit).min(0).fill_opacity(25 if stacked or bars else 8).line_width(1)
    panel = panel.show_points(common.VisibilityMode.AUTO).tooltip(_tooltip()).legend(_legend())
    panel = panel.color_scheme(builders.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC))
    if (top := _LEAST_TOP.get(unit)) is not None:
        panel = panel.axis_soft_max(top)
    if bars:
        panel = panel.draw_style(common.GraphDrawStyle.BARS).interval(EXPORTED)
    if stacked:
        panel = panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    for query, ref_id in zip(queries, "ABCDEFGH", strict=False):
        panel = panel.with_target(_target(query, ref_id).range().exemplar(query.exemplars))
    return _linked(panel, links)


def tile(
    about: About, queries: Sequence[Query], unit: str, *, size: Size = TILE, limits: Sequence[tuple[float, str]] = (), names: bool = False
) -> Panel:
    """One number, or with `names` what the series that are 1 are called; coloured from each limit on."""
    panel = stat.Panel().title(about.title).description(about.shows).no_value(about.empty).datasource(PROMETHEUS)
    panel = panel.span(size.width).height(size.height).unit(unit).graph_mode(common.BigValueGraphMode.NONE)
    panel = panel.color_mode(common.BigValueColorMode.VALUE)
    panel = panel.text_mode(common.BigValueTextMode.NAME if names else common.BigValueTextMode.VALUE)
    panel = panel.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    steps = [dashboard.Threshold(value=None, color="text"), *(dashboard.Threshold(value=value, color=color) for value, color in limits)]
    panel = panel.thresholds(builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps))
    for query, ref_id in zip(queries, "ABCDEFGH", strict=False):
        panel = panel.with_target(_target(query, ref_id).instant())
    return panel


@dataclass(frozen=True)
class Column:
    """A column of a table: the field it comes from, its heading, where a click leads; its width in pixels, else what is left."""

    field: str
    heading: str
    unit: str | None = None
    """Of numbers."""
    links: tuple[Link, ...] = ()
    width: int | None = None


def rows(about: About, queries: Mapping[str, str], columns: Sequence[Column], *, sort: str, size: Size = WHOLE) -> Panel:
    """A table of instant queries, joined by their labels.

    The values' fields are called `Value #A` by the query's letter, or `Value` where it is the only one.
    """
    panel = _table(about, size).datasource(PROMETHEUS)
    for ref_id, expr in queries.items():
        panel = panel.with_target(_target(Query(expr), ref_id).instant().format(PromQueryFormat.TABLE))
    merged = dashboard.DataTransformerConfig(id_val="merge", options={})
    order = {
        "indexByName": {column.field: place for place, column in enumerate(columns)},
        "renameByName": {column.field: column.heading for column in columns},
        "excludeByName": {"Time": True},
        "includeByName": {},
    }
    panel = panel.with_transformation(merged).with_transformation(dashboard.DataTransformerConfig(id_val="organize", options=order))
    panel = panel.sort_by([common_builders.TableSortByFieldState().display_name(sort).desc(True)])
    for column in columns:
        panel = _shown(panel, column.heading, column)
    return panel


def traces(about: About, query: str, columns: Sequence[Column], *, size: Size = WHOLE, limit: int = 50) -> Panel:
    """A list of spans by TraceQL."""
    target = tempo.TempoQuery().ref_id("A").query_type("traceql").query(query).limit(limit).table_type(SearchTableType.SPANS).filters([])
    panel = _table(about, size).datasource(TEMPO).with_target(target.datasource(TEMPO))
    for column in columns:
        panel = _shown(panel, column.field, column)
    return panel


def timeline(about: About, queries: Sequence[Query], values: Mapping[str, tuple[str, str]], *, size: Size = WHOLE) -> Panel:
    """Which of a few values something had when; `values` by number: text and colour."""
    panel = statetimeline.Panel().title(about.title).description(about.shows).no_value(about.empty).datasource(PROMETHEUS)
    panel = panel.span(size.width).height(size.height).merge_values(True).show_value(common.VisibilityMode.AUTO)
    panel = panel.fill_opacity(80).line_width(0).legend(_legend()).tooltip(_tooltip())
    results = {
        value: dashboard.ValueMappingResult(text=text, color=color, index=place)
        for place, (value, (text, color)) in enumerate(values.items())
    }
    panel = panel.mappings([dashboard.ValueMap(options=results)])
    for query, ref_id in zip(queries, "ABCDEFGH", strict=False):
        panel = panel.with_target(_target(query, ref_id).range())
    return panel


def records(about: About, query: str, *, size: Size = WHOLE, limit: int = 100) -> Panel:
    """Log records by LogQL, the newest first; a click on one shows what it says and leads to its trace."""
    target = loki.Dataquery().ref_id("A").query_type("range").expr(query).max_lines(limit).datasource(LOKI)
    panel = logs.Panel().title(about.title).description(about.shows).no_value(about.empty).datasource(LOKI).with_target(target)
    panel = panel.show_time(True).wrap_log_message(True).enable_log_details(True).sort_order(common.LogsSortOrder.DESCENDING)
    panel = panel.show_labels(False).show_common_labels(False).prettify_log_message(False).dedup_strategy(common.LogsDedupStrategy.NONE)
    return panel.span(size.width).height(size.height)


def one_trace(title: str, trace_id: str, empty: str, *, size: Size = WHOLE) -> Panel:
    """A trace, as a waterfall."""
    target = tempo.TempoQuery().ref_id("A").query_type("traceql").query(trace_id).filters([]).datasource(TEMPO)
    panel = builders.Panel().type("traces").title(title).datasource(TEMPO).no_value(empty)
    return panel.span(size.width).height(size.height).with_target(target)


def words(title: str, markdown: str, *, size: Size = WHOLE) -> Panel:
    """Text, in Markdown."""
    return text.Panel().title(title).mode(TextMode.MARKDOWN).content(markdown).span(size.width).height(size.height).no_value("No text.")


def row(title: str, *closed: Panel) -> Builder[dashboard.RowPanel]:
    """A heading over the panels that follow; with panels of its own it is closed, and these ask nothing before it is opened."""
    made = builders.Row(title)
    for panel in closed:
        made = made.with_panel(panel)
    return made


def _target(query: Query, ref_id: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(ref_id).expr(query.expr).legend_format(query.legend or "__auto").datasource(PROMETHEUS)


def _table(about: About, size: Size) -> table.Panel:
    panel = table.Panel().title(about.title).description(about.shows).no_value(about.empty).span(size.width).height(size.height)
    return panel.show_header(True).cell_height(common.TableCellHeight.SM).filterable(True)


def _shown(panel: table.Panel, name: str, column: Column) -> table.Panel:
    properties = []
    if name != column.heading:
        properties.append(dashboard.DynamicConfigValue(id_val="displayName", value=column.heading))
    if column.unit:
        # A number that is missing is no empty table.
        properties.append(dashboard.DynamicConfigValue(id_val="unit", value=column.unit))
        properties.append(dashboard.DynamicConfigValue(id_val="noValue", value="-"))
    if width := column.width or (_NUMBER_PX if column.unit else None):
        properties.append(dashboard.DynamicConfigValue(id_val="custom.width", value=width))
    if column.links:
        properties.append(dashboard.DynamicConfigValue(id_val="links", value=list(column.links)))
    return panel.override_by_name(name, properties) if properties else panel


def _linked(panel: timeseries.Panel, links: Sequence[Link]) -> timeseries.Panel:
    """The panel, its points leading somewhere."""
    if not links:
        return panel
    made = [
        builders.DashboardLink(str(link["title"])).url(str(link["url"])).target_blank(bool(link.get("targetBlank", False)))
        for link in links
    ]
    return panel.data_links(list(made))


def _legend() -> common_builders.VizLegendOptions:
    return (
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )


def _tooltip() -> common_builders.VizTooltipOptions:
    return common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
