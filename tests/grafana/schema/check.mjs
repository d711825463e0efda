// Holds dashboards to Grafana's own types and to TraceQL's and LogQL's grammars: node check.mjs FILE...
// Prints a line for each fault and ends with 1 where there is one.

import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parser as logql } from '@grafana/lezer-logql';
import { parser as traceql } from '@grafana/lezer-traceql';
import typescript from 'typescript';

const here = dirname(fileURLToPath(import.meta.url));
const files = process.argv.slice(2);
const languages = [
  { name: 'TraceQL', parser: traceql, queries: spans },
  { name: 'LogQL', parser: logql, queries: records },
];
const faults = [...types(files), ...languages.flatMap((language) => files.flatMap((file) => grammar(language, file)))];
for (const fault of faults) console.log(fault);
const counted = languages.map(({ name, queries }) => `${files.flatMap(queries).length} ${name} queries`);
console.log([`${files.length} dashboards`, ...counted, `${faults.length} faults`].join(', '));
process.exit(faults.length ? 1 : 0);

// The JSON as a literal: then TypeScript also tells of fields that the types do not have. A panel by itself, by its type, or it would
// say no more than that the panel is none of all.
function types(names) {
  const folder = mkdtempSync(join(here, 'checked-'));
  try {
    const sources = names.map((name, place) => {
      const { panels, ...rest } = JSON.parse(readFileSync(name, 'utf8'));
      const path = join(folder, `${place}-${basename(name, '.json')}.ts`);
      const drawn = flat(panels).map((panel) => `  ${JSON.stringify(panel)} satisfies ${typeOf(panel)},`);
      writeFileSync(path, [
        `import type { RowPanel } from '@grafana/schema';`,
        `import type { Drawn, Json, Trace, Whole } from '../form';`,
        `const panels = [`,
        ...drawn,
        `];`,
        `export const dashboard: Omit<Whole, 'panels'> = ${JSON.stringify(rest)};`,
        `export default panels;`,
      ].join('\n'));
      return path;
    });
    const options = {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      module: typescript.ModuleKind.ESNext,
      moduleResolution: typescript.ModuleResolutionKind.Bundler,
      target: typescript.ScriptTarget.ES2022,
      types: [],
    };
    return typescript.getPreEmitDiagnostics(typescript.createProgram(sources, options)).map((found) => {
      const where = found.file ? `${basename(found.file.fileName)}:${found.file.getLineAndCharacterOfPosition(found.start).line + 1}: ` : '';
      return where + typescript.flattenDiagnosticMessageText(found.messageText, '\n');
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// Rows and what closed ones hold, each by itself.
function flat(panels) {
  return panels.flatMap(({ panels: inner, ...panel }) => [inner ? { ...panel, panels: [] } : panel, ...(inner ?? [])]);
}

function typeOf(panel) {
  if (panel.type === 'row') return 'Json<RowPanel>';
  return panel.type === 'traces' ? 'Trace' : `Extract<Drawn, { type: ${JSON.stringify(panel.type)} }>`;
}

// Those of panels, and those that links open in Explore.
function spans(name) {
  const content = readFileSync(name, 'utf8');
  const linked = [...content.matchAll(/"\/explore\?[^"]*&panes=([^"&]+)"/g)]
    .flatMap(([, panes]) => Object.values(JSON.parse(decodeURIComponent(panes))))
    .flatMap((pane) => pane.queries);
  const asked = [...targets(content), ...linked].filter((target) => target.datasource.type === 'tempo').map((target) => target.query);
  return [...new Set(asked)].filter((query) => query.startsWith('{')); // the others are a trace's id
}

function records(name) {
  return targets(readFileSync(name, 'utf8')).filter((target) => target.datasource.type === 'loki').map((target) => target.expr);
}

function targets(content) {
  return flat(JSON.parse(content).panels).flatMap((panel) => panel.targets ?? []);
}

function grammar({ name: language, parser, queries }, name) {
  return queries(name).flatMap((query) => {
    const wrong = [];
    parser.parse(query).iterate({ enter: (node) => void (node.type.isError && wrong.push(node.from)) });
    return wrong.map((at) => `${basename(name)}: not ${language} at ${at}: ${query}`);
  });
}
