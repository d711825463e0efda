// Each panel by its type, drawn by Grafana's components from what its fieldConfig and options say.

import { useEffect, useState } from 'react';
import { lastValueFrom } from 'rxjs';
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  getFieldDisplayName,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  renderTextPanelMarkdown,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { BigValue, PanelChrome, TimeSeries, VizRepeater, preparePlotFrame } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { framesOf } from './frames.js';
import { drawMarks, marksOf } from './marks.js';
import { Timeline } from './timeline.jsx';

const { mergeTransformer, organizeFieldsTransformer } = standardTransformers;
standardTransformersRegistry.setInit(() =>
  [mergeTransformer, organizeFieldsTransformer].map((made) => ({ id: made.id, name: made.name, transformation: async () => made })),
);

// The properties of a field that a dashboard can set. Grafana's app registers those of its panels, too; here their `custom` is one.
const PROPERTIES = ['displayName', 'unit', 'min', 'max', 'decimals', 'noValue', 'color', 'thresholds', 'mappings', 'links', 'custom', 'custom.width'];
standardFieldConfigEditorRegistry.setInit(() =>
  PROPERTIES.map((id) => ({ id, path: id, name: id, process: (value) => structuredClone(value), shouldApply: () => true })),
);

// What Grafana's panels begin with where a dashboard says nothing.
const LINES = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: 'none',
  pointSize: 5,
  showPoints: 'auto',
  spanNulls: false,
  axisPlacement: 'auto',
  axisGridShow: true,
  barAlignment: 0,
  barWidthFactor: 0.6,
};

const BEGIN = {
  timeseries: { color: { mode: 'palette-classic' }, custom: LINES },
  stat: { color: { mode: 'thresholds' } },
  table: { color: { mode: 'thresholds' }, custom: { align: 'auto', cellOptions: { type: 'auto' } } },
  'state-timeline': { color: { mode: 'continuous-GrYlRd' } },
};

const asIs = (text) => text;

export function Panel({ panel, given, width, height, theme, timeRange, timeZone }) {
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height} padding={panel.type === 'table' ? 'none' : 'md'}>
      {(innerWidth, innerHeight) => (
        <Content panel={panel} given={given} width={innerWidth} height={innerHeight} theme={theme} timeRange={timeRange} timeZone={timeZone} />
      )}
    </PanelChrome>
  );
}

function Content(props) {
  const { panel, given, theme, timeZone } = props;
  const asked = given.panels[panel.id] ?? {};
  const [frames, setFrames] = useState(null);
  useEffect(() => {
    prepared(panel, asked, theme, timeZone).then(setFrames);
  }, []);
  if (frames === null) return null;
  return (
    <div data-drawn style={{ height: '100%' }}>
      <Kind {...props} asked={asked} frames={frames} />
    </div>
  );
}

function Kind({ panel, given, asked, frames, width, height, theme, timeRange, timeZone }) {
  if (panel.type === 'text') return <Words panel={panel} />;
  if (panel.targets?.every(({ datasource }) => datasource.type === 'tempo')) return <Empty>Asked from Tempo, which the preview does not have.</Empty>;
  const size = { width, height, theme };
  if (panel.type === 'stat') return <Tile panel={panel} frames={frames} {...size} />;
  if (!frames.some(({ length }) => length > 0)) return <Empty>{panel.fieldConfig.defaults.noValue}</Empty>;
  if (panel.type === 'table') return <Rows panel={panel} frames={frames} {...size} />;
  if (panel.type === 'state-timeline') return <Timeline panel={panel} frames={frames} timeRange={timeRange} timeZone={timeZone} {...size} />;
  if (panel.type !== 'timeseries') throw new Error(`${panel.title}: no component for ${panel.type}`);
  const marks = marksOf(panel, asked, given.dashboard, given.annotations);
  return (
    <TimeSeries {...size} frames={frames} timeRange={timeRange} timeZone={timeZone} legend={panel.options.legend} preparePlotFrame={aligned}>
      {(builder) => void drawMarks(builder, marks, theme)}
    </TimeSeries>
  );
}

// As Grafana's app does it, a line has its colour by its own name, and a step without a number is a gap.
function aligned(frames, ...how) {
  const frame = preparePlotFrame(frames, ...how);
  for (const field of frame.fields.slice(1)) {
    const { frameIndex, fieldIndex } = field.state.origin;
    field.state.displayName = getFieldDisplayName(frames[frameIndex].fields[fieldIndex], frames[frameIndex], frames);
    field.values = Array.from(field.values, (value) => (Number.isFinite(value) ? value : null));
  }
  return frame;
}

async function prepared(panel, asked, theme, timeZone) {
  const context = { interpolate: asIs };
  const frames = await lastValueFrom(transformDataFrame(panel.transformations ?? [], framesOf(panel, asked), context));
  const { defaults, overrides } = panel.fieldConfig ?? { defaults: {}, overrides: [] };
  const begin = BEGIN[panel.type] ?? {};
  const fieldConfig = { defaults: { ...begin, ...defaults, custom: { ...begin.custom, ...defaults.custom } }, overrides };
  const made = applyFieldOverrides({ data: frames, fieldConfig, replaceVariables: asIs, theme, timeZone });
  cacheFieldDisplayNames(made); // colours by name need them
  return made;
}

function Tile({ panel, frames, width, height, theme }) {
  const { options, fieldConfig } = panel;
  const values = () => getFieldDisplayValues({ fieldConfig, reduceOptions: options.reduceOptions, replaceVariables: asIs, theme, data: frames });
  return (
    <VizRepeater
      source={frames}
      getValues={values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      width={width}
      height={height}
      orientation={options.orientation}
      autoGrid
      renderValue={({ value, width, height, alignmentFactors, count }) => (
        <BigValue
          value={value.display}
          count={count}
          width={width}
          height={height}
          theme={theme}
          alignmentFactors={alignmentFactors}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          disableWideLayout={!options.wideLayout}
        />
      )}
    />
  );
}

function Rows({ panel, frames, width, height }) {
  const { options, fieldConfig } = panel;
  return (
    <TableNG
      data={frames[0]}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      cellHeight={options.cellHeight}
      sortBy={options.sortBy}
      fieldConfig={fieldConfig}
      noValue={fieldConfig.defaults.noValue}
      enableVirtualization={false}
    />
  );
}

function Words({ panel }) {
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: renderTextPanelMarkdown(panel.options.content) }} />;
}

function Empty({ children }) {
  return <div className="empty">{children}</div>;
}
