// Prometheus's answers as the data frames that Grafana's data source makes of them.

import { FieldType, createDataFrame } from '@grafana/data';

export function framesOf(panel, asked) {
  const targets = (panel.targets ?? []).filter((target) => asked[target.refId]);
  return targets.flatMap((target) => {
    const answer = asked[target.refId];
    if (answer.kind === 'table') return answer.result.length ? [rows(answer.result, target, targets.length)] : [];
    return answer.result.map((series) => line(series, target, answer));
  });
}

function line({ metric, values, value }, target, { step }) {
  const points = values ?? [value];
  return createDataFrame({
    refId: target.refId,
    fields: [
      // The step tells where a gap is.
      { name: 'Time', type: FieldType.time, values: points.map(([time]) => time * 1000), config: { interval: (step ?? 0) * 1000 } },
      { name: 'Value', type: FieldType.number, values: points.map(([, number]) => Number(number)), labels: metric, config: named(metric, target) },
    ],
  });
}

function rows(result, target, queries) {
  const labels = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))].sort();
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map(({ value }) => value[0] * 1000) },
      ...labels.map((label) => ({ name: label, type: FieldType.string, values: result.map(({ metric }) => metric[label] ?? '') })),
      { name: queries > 1 ? `Value #${target.refId}` : 'Value', type: FieldType.number, values: result.map(({ value }) => Number(value[1])) },
    ],
  });
}

function named(metric, { legendFormat }) {
  return legendFormat && legendFormat !== '__auto' ? { displayNameFromDS: legend(legendFormat, metric) } : {};
}

export function legend(format, labels) {
  return format.replace(/{{\s*(\w+)\s*}}/g, (_, label) => labels[label] ?? '');
}
