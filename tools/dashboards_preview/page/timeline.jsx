// A state timeline: Grafana's chart, axes and legend; the bars are ours, for Grafana's own lie in its app and not in its npm packages.

import { formattedValueToString, getFieldDisplayName } from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { GraphNG, UPlotConfigBuilder, VizLegend, VizLayout } from '@grafana/ui';

export function Timeline({ panel, frames, width, height, timeRange, timeZone, theme }) {
  const items = legend(frames);
  return (
    <GraphNG
      theme={theme}
      frames={frames}
      width={width}
      height={height}
      timeRange={timeRange}
      timeZone={timeZone}
      legend={panel.options.legend}
      prepConfig={(aligned) => chart(aligned, frames, timeRange, timeZone, theme, panel)}
      renderLegend={() => (
        <VizLayout.Legend placement="bottom">
          <VizLegend placement="bottom" displayMode="list" items={items} />
        </VizLayout.Legend>
      )}
    />
  );
}

function legend(frames) {
  const shown = frames.flatMap(({ fields }) => fields[1].values.map((value) => fields[1].display(value)));
  return [...new Map(shown.map(({ text, color }) => [text, color]))].map(([label, color]) => ({ label, color, yAxis: 1 }));
}

function chart(aligned, frames, timeRange, timeZone, theme, panel) {
  const builder = new UPlotConfigBuilder(timeZone);
  const lines = aligned.fields.slice(1);
  builder.addScale({
    scaleKey: 'x',
    isTime: true,
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    range: () => [timeRange.from.valueOf(), timeRange.to.valueOf()],
  });
  builder.addScale({
    scaleKey: 'rows',
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Down,
    range: () => [-0.5, lines.length - 0.5],
  });
  builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone, theme, grid: { show: true } });
  const names = lines.map((field) => getFieldDisplayName(field, aligned, frames));
  builder.addAxis({
    scaleKey: 'rows',
    placement: AxisPlacement.Left,
    theme,
    size: widest(names, theme) + 20,
    grid: { show: false },
    splits: lines.map((_, place) => place),
    values: names,
  });
  lines.forEach(() => builder.addSeries({ scaleKey: 'rows', theme, show: true, pathBuilder: () => null, pointsBuilder: () => null }));
  builder.setPrepData(([frame]) => frame.fields.map(({ values }) => values));
  builder.addHook('draw', (plot) => lines.forEach((field, place) => drawRow(plot, field, place, panel, theme)));
  return builder;
}

function widest(words, theme) {
  const canvas = document.createElement('canvas').getContext('2d');
  canvas.font = `12px ${theme.typography.fontFamily}`;
  return Math.ceil(Math.max(...words.map((word) => canvas.measureText(word).width)));
}

function drawRow(plot, field, place, panel, theme) {
  const { ctx } = plot;
  const times = plot.data[0];
  const { values } = field;
  const half = panel.options.rowHeight / 2;
  const [top, bottom] = [place - half, place + half].map((row) => plot.valToPos(row, 'rows', true));
  const ratio = window.devicePixelRatio;
  ctx.save();
  ctx.font = `${12 * ratio}px ${theme.typography.fontFamily}`;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  for (let from = 0, to; from < values.length; from = to) {
    for (to = from + 1; to < values.length && values[to] === values[from]; to++);
    if (values[from] == null) continue;
    const [left, right] = [times[from], times[Math.min(to, times.length - 1)]].map((time) => plot.valToPos(time, 'x', true));
    const shown = field.display(values[from]);
    ctx.globalAlpha = (panel.fieldConfig.defaults.custom?.fillOpacity ?? 70) / 100;
    ctx.fillStyle = shown.color;
    ctx.fillRect(left, top, right - left, bottom - top);
    ctx.globalAlpha = 1;
    const words = formattedValueToString(shown);
    if (ctx.measureText(words).width + 8 * ratio < right - left) {
      ctx.fillStyle = theme.colors.getContrastText(shown.color, 3);
      ctx.fillText(words, left + 4 * ratio, (top + bottom) / 2);
    }
  }
  ctx.restore();
}
