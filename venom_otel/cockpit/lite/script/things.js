// How things are: the active model, the alerts and the model servers.

import { Refused, get, write } from "./api.js";
import { $, TEXTS, fill, link, rows, say, showWords, slot } from "./drawing.js";
import { onLook } from "./life.js";

const DAY_OF_24_HOURS = { hourCycle: "h23" };
const alerts = new Map();
const servers = new Map();
let reading = false;
let readAgain = false;
let meanwhile = [];

onLook(read);

/** Reads everything anew. Events that come meanwhile are newer than what is read, or say the same. */
export async function read() {
  if (reading) {
    readAgain = true;
    return;
  }
  reading = true;
  try {
    do {
      readAgain = false;
      // One after the other: other tabs do the same at the same time.
      const found = { alerts: await get("/alerts?state=active"), servers: await get("/system/llm-servers") };
      replace(alerts, found.alerts.items, "id");
      replace(servers, found.servers.items, "name");
      showActive(await get("/models/active"));
    } while (readAgain);
    problem("");
  } catch (error) {
    if (error instanceof Refused) problem(error.message); // what the network does is said by #live
  } finally {
    reading = false;
  }
  for (const event of meanwhile.splice(0)) take(event);
  showAlerts();
  showServers();
}

let activeRead = 0;

/** The active model is asked for when something happens that may change it, once for all that happens together. */
function readActive() {
  clearTimeout(activeRead);
  activeRead = setTimeout(async () => {
    try {
      showActive(await get("/models/active"));
    } catch (error) {
      if (error instanceof Refused) problem(error.message);
    }
  }, 200);
}

export function take(event) {
  if (reading) {
    meanwhile.push(event);
    return;
  }
  const data = JSON.parse(event.data);
  if (event.name === "server") {
    servers.set(data.name, data);
    showServers();
  } else if (event.name === "alert") {
    if (data.active) alerts.set(data.id, data);
    else alerts.delete(data.id);
    showAlerts();
  }
  readActive();
}

function replace(map, items, key) {
  map.clear();
  for (const item of items) map.set(item[key], item);
}

export function showLive(state) {
  if ($("live").dataset.live === state) return;
  $("live").dataset.live = state;
  $("live").textContent = TEXTS[state];
}

function problem(words) {
  showWords($("problem"), words);
}

function showActive({ model, configured, state, instead }) {
  const node = $("active");
  node.dataset.state = state ?? "";
  const words = instead && say(instead.error_message ? TEXTS.instead : TEXTS.insteadUnknown, { label: instead.model.label, words: instead.error_message });
  fill(node, {
    state: model ? (TEXTS.states[state] ?? TEXTS.notWatched) : "",
    source: model ? (configured ? TEXTS.configured : TEXTS.notConfigured) : "",
  });
  showWords(slot(node, "label"), model?.label ?? TEXTS.noModel);
  showWords(slot(node, "instead"), words ?? "");
  slot(node, "whole").hidden = !instead;
  link(node, "request", instead && `/requests/${instead.request_id}`);
}

function showAlerts() {
  rows($("alerts"), "alert", [...alerts], (row, alert) => {
    fill(row, { summary: alert.summary });
    showWords(slot(row, "words"), alert.error.words ?? "");
    const since = new Date(alert.first_at);
    const today = since.toDateString() === new Date().toDateString();
    fill(row, { since: today ? since.toLocaleTimeString([], DAY_OF_24_HOURS) : since.toLocaleString([], DAY_OF_24_HOURS) });
    slot(row, "since").dateTime = alert.first_at;
    link(row, "trace", alert.request_id && `/requests/${alert.request_id}`);
    slot(row, "seen").hidden = !alert.acknowledged_at;
    row.querySelector("button").hidden = Boolean(alert.acknowledged_at);
  });
  $("no-alerts").hidden = alerts.size > 0;
}

function showServers() {
  rows($("servers"), "server", [...servers], (row, server) => {
    row.dataset.state = server.state;
    fill(row, { label: server.label, state: TEXTS.states[server.state], endpoint: server.endpoint });
    showWords(slot(row, "words"), server.error_message ?? "");
  });
  $("no-servers").hidden = servers.size > 0;
}

$("alerts").addEventListener("click", async ({ target }) => {
  if (target.dataset.act !== "acknowledge") return;
  target.disabled = true;
  try {
    const alert = await write("POST", `/alerts/${encodeURIComponent(target.closest("li").dataset.key)}/ack`);
    take({ name: "alert", data: JSON.stringify(alert) });
  } catch (error) {
    problem(error instanceof Refused ? error.message : TEXTS.unreachable);
  } finally {
    target.disabled = false;
  }
});
