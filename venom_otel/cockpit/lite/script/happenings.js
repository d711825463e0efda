// What happens: one stream of events for all tabs of the browser. One of them has the connection and tells the others.

import { SILENCE_MS, events } from "./api.js";
import { awake } from "./life.js";
import { inTurn } from "./locks.js";
import { read, showLive, take } from "./things.js";
import { patience, pause } from "./waiting.js";

const EVENTS = "venom-otel-lite-events";
const TOLD = new Set(["server", "alert", "active_model", "reset"]);
const channel = new BroadcastChannel(EVENTS);
let last = null; // the newest event that this tab knows of
let heardAt = performance.now();
let leads = false;
let impatience = new AbortController();

channel.onmessage = ({ data }) => hear(data);

function tell(message) {
  channel.postMessage(message);
  hear(message);
}

/** Takes what the tab that has the connection tells. */
function hear(message) {
  heardAt = performance.now();
  if (message.hello && leads) channel.postMessage({ live: true, last });
  if (message.last) last = message.last;
  if (message.live !== undefined) showLive(message.live ? "live" : "lost");
  if (message.anew || message.name === "reset") read();
  else if (message.name) take(message);
}

/** Lets the tab that has the connection say how things are. */
export function sayHello() {
  channel.postMessage({ hello: true });
}

/** Has the connection, or waits for it, for as long as the page lives. */
export async function keepUp() {
  for (let failures = 0; ; ) {
    await awake();
    impatience = new AbortController();
    try {
      await inTurn(EVENTS, impatience.signal, (signal) => lead(signal, () => (failures = 0)));
    } catch {
      // Another tab has taken the lock, or this one was put to sleep.
    }
    await pause(patience(failures++));
  }
}

async function lead(signal, connected) {
  leads = true;
  let toldAt = null;
  const alive = () => {
    const now = performance.now();
    if (toldAt !== null && now - toldAt < 1000) return;
    connected();
    // Without a place to go on from, what happened before is not told: everything is read anew.
    tell({ live: true, last, anew: toldAt === null && last === null });
    toldAt = now;
  };
  try {
    for await (const event of events("/events", last, signal, alive)) {
      last = event.id;
      if (TOLD.has(event.name)) tell({ name: event.name, data: event.data, last });
    }
  } catch {
    // Said below, and tried again.
  } finally {
    leads = false;
  }
  if (!signal.aborted) tell({ live: false });
}

setInterval(() => {
  if (document.hidden || leads || performance.now() - heardAt < SILENCE_MS) return;
  heardAt = performance.now();
  impatience.abort();
}, 5000);
