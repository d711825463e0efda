// The public API: asking it, letting it do something, and hearing what happens.

import { life } from "./life.js";

/** The server shows a sign of life every 15 s; a stream without one for so long is dead. */
export const SILENCE_MS = 40_000;
const API = "/api/v1";

/** What the API refuses, in its words. */
export class Refused extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

async function accepted(response) {
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem.detail ?? `${response.status} ${response.statusText}`);
}

export const get = async (path) => (await accepted(await fetch(API + path, { cache: "no-store", signal: life.signal }))).json();

/** Lets the server do something, by this page's session, or by a new one where the server was started anew. */
export async function write(method, path, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const send = () => fetch(API + path, { method, headers, body: JSON.stringify(body) });
  let response = await send();
  if (response.status === 401) {
    await fetch("/lite", { cache: "no-store" });
    response = await send();
  }
  return (await accepted(response)).json();
}

/** Server-sent events from behind `last`, until the server ends them, `signal` does, or the line is dead. `alive` hears of each sign of life. */
export async function* events(path, last, signal, alive) {
  const dead = new AbortController();
  const watch = { timer: setTimeout(() => dead.abort(), SILENCE_MS) };
  const headers = { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) };
  try {
    const response = await fetch(API + path, { headers, cache: "no-store", signal: AbortSignal.any([signal, dead.signal]) });
    const reader = (await accepted(response)).body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let event = { name: "message", id: last, data: [] };
    for (;;) {
      alive();
      const { value, done } = await reader.read();
      if (done || signal.aborted) return;
      clearTimeout(watch.timer);
      watch.timer = setTimeout(() => dead.abort(), SILENCE_MS);
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const [, field, text] = /^(\w*):? ?(.*?)\r?$/s.exec(line);
        if (line.trim() === "") {
          if (event.data.length) yield { ...event, data: event.data.join("\n") };
          if (signal.aborted) return;
          event = { name: "message", id: event.id, data: [] };
        } else if (field === "event") event.name = text;
        else if (field === "id") event.id = text;
        else if (field === "data") event.data.push(text);
      }
    }
  } finally {
    clearTimeout(watch.timer);
    dead.abort(); // closes the connection
  }
}
