// What a generated dashboard must be, by Grafana's own types. They describe values within a program; `Json` makes of each what JSON has.

import type { AnnotationQuery, Dashboard, DataQuery, FieldConfig, Panel, RowPanel } from '@grafana/schema';
import type * as logs from '@grafana/schema/dist/esm/raw/composable/logs/panelcfg/x/LogsPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as statetimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as text from '@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

export type Json<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}` // an enumeration's values as they are written
    : T extends number | boolean | null | undefined
      ? T
      : T extends readonly (infer Item)[]
        ? Json<Item>[]
        : T extends object
          ? { [Key in keyof T]: Json<T[Key]> }
          : T;

interface Settings {
  logs: { options: Partial<logs.Options>; custom?: never };
  stat: { options: stat.Options; custom?: never };
  'state-timeline': { options: statetimeline.Options; custom: statetimeline.FieldConfig };
  table: { options: Partial<table.Options>; custom: Partial<table.FieldConfig> };
  text: { options: text.Options; custom?: never };
  timeseries: { options: timeseries.Options; custom: timeseries.FieldConfig };
}

type Prometheus = DataQuery & {
  datasource: { type: 'prometheus'; uid: string };
  expr: string;
  legendFormat: string;
  instant: boolean;
  range: boolean;
  exemplar?: boolean;
  format?: 'table' | 'time_series' | 'heatmap';
};

type Tempo = DataQuery & {
  datasource: { type: 'tempo'; uid: string };
  queryType: 'traceql';
  query: string;
  filters: [];
  limit?: number;
  tableType?: 'spans';
};

type Loki = DataQuery & {
  datasource: { type: 'loki'; uid: string };
  queryType: 'range';
  expr: string;
  maxLines: number;
};

type Common = Omit<Panel, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
  id: number;
  title: string;
  gridPos: { h: number; w: number; x: number; y: number };
  targets?: (Prometheus | Tempo | Loki)[];
};

// Each kind of panel with its own options; `noValue` is the text of an empty panel, and there is always one.
export type Drawn = {
  [Type in keyof Settings]: Json<
    Common & {
      type: Type;
      options: Settings[Type]['options'];
      fieldConfig: {
        defaults: FieldConfig & { noValue: string; custom?: Settings[Type]['custom'] };
        overrides: NonNullable<Panel['fieldConfig']>['overrides'];
      };
    }
  >;
}[keyof Settings];

// A trace's panel has no published types.
export type Trace = Json<Common> & { type: 'traces'; fieldConfig: { defaults: { noValue: string }; overrides: [] } };

type Marks = AnnotationQuery & { expr: string; titleFormat: string; textFormat: string };

export type Whole = Json<Omit<Dashboard, 'panels' | 'annotations'> & { uid: string; annotations?: { list?: Marks[] } }> & {
  panels: (Drawn | Trace | Json<RowPanel>)[];
};
