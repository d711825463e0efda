// The page of the preview: `draw(given)` shows a dashboard, `given` being what results.py makes.

import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import { createRoot } from 'react-dom/client';
import { EventBusSrv, ThemeContext, createTheme, dateTime } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, PanelContextProvider } from '@grafana/ui';
import { Panel } from './panels.jsx';

// Grafana's grid: 24 columns; rows and the gap between panels in pixels.
const COLUMNS = 24;
const ROW = 30;
const GAP = 8;

const theme = createTheme({ colors: { mode: 'dark' } });
const context = { eventsScope: 'preview', eventBus: new EventBusSrv() };

function Dashboard({ given, width }) {
  const { dashboard } = given;
  const [from, to] = given.window.map((seconds) => dateTime(seconds * 1000));
  const timeRange = { from, to, raw: { from, to } };
  const column = (width - GAP * (COLUMNS - 1)) / COLUMNS;
  const below = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return (
    <div className="page">
      <h1>{dashboard.title}</h1>
      <div data-panels={dashboard.panels.filter(({ type }) => type !== 'row').length} style={{ position: 'relative', height: below * (ROW + GAP) }}>
        {dashboard.panels.map((panel) => {
          const { x, y, w, h } = panel.gridPos;
          const place = { left: x * (column + GAP), top: y * (ROW + GAP), width: w * (column + GAP) - GAP, height: h * (ROW + GAP) - GAP };
          return (
            <div key={panel.id} className={panel.type === 'row' ? 'heading' : undefined} style={{ position: 'absolute', ...place }}>
              {panel.type === 'row' ? panel.title : (
                <Panel panel={panel} given={given} width={place.width} height={place.height} theme={theme} timeRange={timeRange} timeZone="utc" />
              )}
            </div>
          );
        })}
      </div>
      <p className="note">{given.note}</p>
    </div>
  );
}

window.draw = async (given, width) => {
  await initPluginTranslations('grafana-ui');
  await document.fonts.ready;
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PanelContextProvider value={context}>
        <Dashboard given={given} width={width} />
      </PanelContextProvider>
    </ThemeContext.Provider>,
  );
};
