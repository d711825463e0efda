// What Grafana's app draws over a chart, and its npm packages do not have: exemplars as diamonds, annotations as dashed lines.

import { legend } from './frames.js';

const SIZE = 4; // of a diamond, from its middle to its tip, in CSS pixels

export function marksOf(panel, asked, dashboard, annotations) {
  const exemplars = Object.values(asked).flatMap((answer) => sampled(answer.exemplars ?? [], answer.step));
  const events = (dashboard.annotations?.list ?? []).flatMap((annotation) =>
    (annotations[annotation.name] ?? []).flatMap(({ metric, values }) =>
      values.map(([time]) => ({ time: time * 1000, color: annotation.iconColor, text: legend(annotation.textFormat, metric) })),
    ),
  );
  return { exemplars, events };
}

// Grafana's data source shows the highest exemplar of each step, and of the others those that are two standard deviations lower each.
function sampled(series, step) {
  const all = series.flatMap((one) => one.exemplars).map(({ timestamp, value }) => ({ time: timestamp * 1000, value: Number(value) }));
  const mean = all.reduce((sum, { value }) => sum + value, 0) / all.length;
  const least = 2 * Math.sqrt(all.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / (all.length - 1));
  const shown = new Map();
  for (const one of all.sort((a, b) => b.value - a.value)) {
    const place = Math.floor(one.time / 1000 / step);
    const last = shown.get(place)?.at(-1);
    if (!last) shown.set(place, [one]);
    else if (last.value - one.value > least) shown.get(place).push(one);
  }
  return [...shown.values()].flat();
}

export function drawMarks(builder, { exemplars, events }, theme) {
  builder.addHook('draw', (chart) => {
    const { ctx, bbox } = chart;
    const ratio = window.devicePixelRatio;
    const { scale } = chart.series[1];
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height + SIZE * 2 * ratio);
    ctx.clip();
    for (const { time, color } of events) {
      const x = chart.valToPos(time, 'x', true);
      ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(color);
      ctx.setLineDash([5 * ratio, 5 * ratio]);
      ctx.lineWidth = ratio;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      shape(ctx, [[x, bbox.top + bbox.height], [x + SIZE * ratio, bbox.top + bbox.height + SIZE * 2 * ratio], [x - SIZE * ratio, bbox.top + bbox.height + SIZE * 2 * ratio]]);
    }
    ctx.fillStyle = theme.visualization.getColorByName('semi-dark-blue');
    for (const { time, value } of exemplars) {
      // One above the axis is shown at its top, as Grafana does.
      const x = chart.valToPos(time, 'x', true);
      const y = Math.max(chart.valToPos(value, scale, true), bbox.top + SIZE * ratio);
      shape(ctx, [[x, y - SIZE * ratio], [x + SIZE * ratio, y], [x, y + SIZE * ratio], [x - SIZE * ratio, y]]);
    }
    ctx.restore();
  });
}

function shape(ctx, corners) {
  ctx.beginPath();
  for (const [x, y] of corners) ctx.lineTo(x, y);
  ctx.closePath();
  ctx.fill();
}
