// The theme, by the same cookie as the other page.

import { $, TEXTS } from "./drawing.js";

const THEMES = Object.keys(TEXTS.theme);

export function showTheme() {
  $("theme").ariaLabel = $("theme").title = TEXTS.theme[document.documentElement.dataset.theme];
}

$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  document.cookie = `venom-theme=${root.dataset.theme}; path=/; max-age=${365 * 24 * 3600}; samesite=strict`;
  showTheme();
});
