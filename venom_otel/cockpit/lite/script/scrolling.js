// The end of the conversation, kept in sight.

import { $ } from "./drawing.js";

// Who looks at the end of the conversation goes on doing so; who scrolls up is left there. Looked at once a frame, and not for each token:
// to ask where one is makes the browser lay all of it out.
let follows = true;

/** What scrolls: the conversation, or on a narrow screen the whole page. */
const scrolled = () => (getComputedStyle($("talk")).overflowY === "visible" ? document.scrollingElement : $("talk"));

/** Shows the end, and what comes there. */
export function followEnd() {
  follows = true;
  toEnd();
}

function toEnd() {
  const box = scrolled();
  box.scrollTop = box.scrollHeight;
}

new ResizeObserver(() => follows && $("turns").childElementCount && toEnd()).observe($("turns"));
document.addEventListener(
  "scroll",
  () => {
    const box = scrolled();
    follows = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  },
  { capture: true, passive: true },
);
