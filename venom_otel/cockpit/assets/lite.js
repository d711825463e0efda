// The plain page. It has nothing but the public API: REST, and server-sent events read by `fetch`, since an EventSource can neither be told
// where to go on nor shows the server's signs of life.
//
// A browser opens six connections to a host over HTTP/1.1, for all its tabs together. So they share one stream of events (`keepUp`) and at most
// three of answers (`inTurn`, which hands a lock from tab to tab), and two connections are left for everything else.
//
// For whoever tests or measures this page, what stays as it is (its policy allows no eval, which Playwright's `wait_for_function` needs for a
// text; its locators and `evaluate` do without):
//   #live[data-live]                 "connecting", "live" or "lost": whether this tab hears of events, by whichever tab's connection
//   #prompt, #send                   where one asks
//   #turns > .turn                   a question with its answer, the newest last:
//     [data-task], [data-status]     its task's id and status as in the API; "SENDING" before it has one, "REFUSED" where it gets none
//     [data-asked-at], [data-first-at], [data-done-at]   performance.now() when it was sent, its first text shown, its end shown
//     .answer-text                   the answer's text and nothing else, in one text node
//     .events > li                   what else happened, in its order

const API = "/api/v1";
const TEXTS = JSON.parse(document.getElementById("texts").textContent);
const ANSWERS = ["0", "1", "2"].map((each) => `venom-otel-lite-answer-${each}`);
const EVENTS = "venom-otel-lite-events";
const KEY = "venom-otel-lite";
const SILENCE_MS = 40_000; // the server shows a sign of life every 15 s
const PATIENCE_MS = 30_000; // for the lock of a tab that does not answer
const TURN_MS = { visible: 2000, hidden: 250 }; // of an answer's connection, where another tab waits for it
const KEPT = 50; // questions of a conversation that are there again after a reload
const UNFINISHED = new Set(["PENDING", "PROCESSING"]);

const $ = (id) => document.getElementById(id);
const say = (words, values) => words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const patience = (failures) => Math.min(500 * 2 ** failures, 5000) * (0.75 + Math.random() / 2);

// -- the API ---------------------------------------------------------------------------------------------------------------------------

/** What the API refuses, in its words. */
class Refused extends Error {
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

const get = async (path) => (await accepted(await fetch(API + path, { cache: "no-store", signal: life.signal }))).json();

/** Lets the server do something, by this page's session, or by a new one where the server was started anew. */
async function write(method, path, body) {
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
async function* events(path, last, signal, alive) {
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

// -- tabs among each other -------------------------------------------------------------------------------------------------------------

// Aborted while the browser has put this page to sleep (frozen, or kept for the way back): a tab that sleeps may hold nothing that others wait
// for. Where there are no locks (a page over http from another machine), a tab that is not looked at does not, either.
let life = new AbortController();
let waking = [];

function sleep() {
  life.abort();
}

function wake() {
  if (!life.signal.aborted) return;
  life = new AbortController();
  for (const go of waking.splice(0)) go();
  read();
}

const awake = () => (life.signal.aborted ? new Promise((resolve) => waking.push(resolve)) : undefined);

document.addEventListener("freeze", sleep);
document.addEventListener("resume", wake);
window.addEventListener("pagehide", sleep);
window.addEventListener("pageshow", wake);
document.addEventListener("visibilitychange", () => {
  if (!navigator.locks) (document.hidden ? sleep : wake)();
  else if (!document.hidden) read();
});
if (!navigator.locks && document.hidden) sleep();

/** Does `work` while this tab alone has the lock `name`. Once `impatience` is aborted the lock is taken from whoever has it. */
async function inTurn(name, impatience, work) {
  const over = new AbortController();
  const signal = AbortSignal.any([life.signal, over.signal]);
  let began = false;
  const run = () => {
    began = true;
    // The lock is let go of at once: what winds down after that would be frozen with the page.
    const left = new Promise((_, leave) => life.signal.addEventListener("abort", () => leave(life.signal.reason), { signal: over.signal }));
    return Promise.race([work(signal), left]);
  };
  try {
    if (!navigator.locks) return await run();
    try {
      return await navigator.locks.request(name, { signal: AbortSignal.any([life.signal, impatience]) }, run);
    } catch (error) {
      if (began || life.signal.aborted) throw error;
      return await navigator.locks.request(name, { steal: true }, run);
    }
  } finally {
    over.abort(); // also where the lock was taken away
  }
}

/** The answers' lock that the fewest wait for. */
async function leastWanted() {
  if (!navigator.locks) return ANSWERS[0];
  const { held, pending } = await navigator.locks.query();
  const wanted = (name) => [...held, ...pending].filter((lock) => lock.name === name).length + Math.random() / 2;
  return ANSWERS.map((name) => [wanted(name), name]).sort()[0][1];
}

async function isWanted(name) {
  return navigator.locks ? (await navigator.locks.query()).pending.some((lock) => lock.name === name) : false;
}

// -- what happens: one connection for all tabs ---------------------------------------------------------------------------------------------

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

/** Has the connection, or waits for it, for as long as the page lives. */
async function keepUp() {
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

// -- how things are ------------------------------------------------------------------------------------------------------------------------

const alerts = new Map();
const servers = new Map();
let reading = false;
let readAgain = false;
let meanwhile = [];

/** Reads everything anew. Events that come meanwhile are newer than what is read, or say the same. */
async function read() {
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

function take(event) {
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

// -- what is shown -----------------------------------------------------------------------------------------------------------------------

const slot = (node, name) => node.querySelector(`[data-slot=${name}]`);

/** Text into the places of these names; empty places are not shown. It is text and never markup. */
function fill(node, values) {
  for (const [name, value] of Object.entries(values)) {
    const place = slot(node, name);
    if (place.textContent !== value) place.textContent = value;
    const whole = place.parentElement.tagName === "DIV" && place.tagName === "DD" ? place.parentElement : place;
    whole.hidden = value === "";
  }
}

function link(node, name, address) {
  const place = slot(node, name);
  place.hidden = !address;
  if (address) place.href = address;
}

const copy = (id) => $(id).content.firstElementChild.cloneNode(true);

/** One row for each item, in their order; rows stay what they are, and so does the focus. */
function rows(list, template, items, show) {
  const known = new Map([...list.children].map((row) => [row.dataset.key, row]));
  const wanted = items.map(([key, item]) => {
    const row = known.get(key) ?? copy(template);
    row.dataset.key = key;
    show(row, item);
    return row;
  });
  for (const row of known.values()) if (!wanted.includes(row)) row.remove();
  wanted.forEach((row, place) => list.children[place] !== row && list.insertBefore(row, list.children[place] ?? null));
}

function showLive(state) {
  if ($("live").dataset.live === state) return;
  $("live").dataset.live = state;
  $("live").textContent = TEXTS[state];
}

function problem(words) {
  $("problem").textContent = words;
  $("problem").hidden = !words;
}

function showActive({ model, configured, state, instead }) {
  const node = $("active");
  node.dataset.state = state ?? "";
  const words = instead && say(instead.error_message ? TEXTS.instead : TEXTS.insteadUnknown, { label: instead.model.label, words: instead.error_message });
  fill(node, {
    label: model?.label ?? TEXTS.noModel,
    state: model ? (TEXTS.states[state] ?? TEXTS.notWatched) : "",
    source: model ? (configured ? TEXTS.configured : TEXTS.notConfigured) : "",
    instead: words ?? "",
  });
  slot(node, "whole").hidden = !instead;
  link(node, "request", instead && `/requests/${instead.request_id}`);
}

function showAlerts() {
  rows($("alerts"), "alert", [...alerts], (row, alert) => {
    fill(row, { summary: alert.summary, words: alert.error.words ?? "" });
    const since = new Date(alert.first_at);
    const today = since.toDateString() === new Date().toDateString();
    fill(row, { since: today ? since.toLocaleTimeString() : since.toLocaleString() });
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
    fill(row, { label: server.label, state: TEXTS.states[server.state], endpoint: server.endpoint, words: server.error_message ?? "" });
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

// -- the chat ----------------------------------------------------------------------------------------------------------------------------

const figures = (number) => number.toFixed(number < 9.995 ? 2 : number < 99.95 ? 1 : 0);
const who = (party) => ({ server: party.service_id, model: party.llm_model, endpoint: party.llm_endpoint });

/** A question and its answer. */
class Turn {
  constructor() {
    this.node = copy("turn");
    this.node.dataset.status = "SENDING";
    this.text = this.node.querySelector(".answer-text").appendChild(document.createTextNode(""));
    this.last = null; // the newest event that is shown
    this.button = this.node.querySelector("[data-act=stop]");
    this.button.addEventListener("click", () => this.stop());
    this.node.setAttribute("aria-busy", "true"); // read aloud once it is whole
    fill(this.node, { status: TEXTS.sending });
    $("turns").append(this.node);
  }

  /** Asks, and follows what happens. True where it was begun. */
  async ask(prompt) {
    this.node.dataset.askedAt = performance.now();
    fill(this.node, { asked: prompt });
    try {
      this.follow(await write("POST", "/tasks", { prompt, session: conversation.session }));
      return true;
    } catch (error) {
      this.end("REFUSED", say(TEXTS.notSent, { words: error instanceof Refused ? error.message : TEXTS.unreachable }));
      return false;
    }
  }

  /** Takes up a task that was begun before the page was loaded. */
  async comeBack() {
    const id = this.node.dataset.task;
    for (let failures = 0; ; ) {
      await awake();
      try {
        const task = await get(`/tasks/${encodeURIComponent(id)}`);
        fill(this.node, { asked: task.asked?.at(-1).content ?? TEXTS.notAsked, failure: "" });
        this.follow(task);
        return;
      } catch (error) {
        if (error instanceof Refused && error.status < 500) return this.end("LOST", say(TEXTS.gone, { words: error.message }));
      }
      fill(this.node, { failure: TEXTS.again });
      await pause(patience(failures++));
    }
  }

  /** Shows a task that was begun: all that happens to it until its end, whatever becomes of the connection meanwhile. */
  async follow(task) {
    this.node.dataset.task = task.task_id;
    this.button.hidden = false;
    if (UNFINISHED.has(task.status)) this.about(task); // an end is shown when all before it is
    for (let failures = 0; !this.ended; ) {
      await awake();
      const name = await leastWanted();
      try {
        await inTurn(name, AbortSignal.timeout(PATIENCE_MS), (signal) => this.listen(name, signal, () => (failures = 0)));
        continue; // another tab's turn, or the server has ended the stream
      } catch (error) {
        if (error instanceof Refused && error.status < 500) return this.end("LOST", say(TEXTS.gone, { words: error.message }));
        if (life.signal.aborted || error.name === "AbortError") continue;
      }
      fill(this.node, { failure: TEXTS.again });
      await pause(patience(failures++));
    }
  }

  /** Shows what comes, from behind what is shown, until the end, or until another tab waits for this connection. */
  async listen(name, signal, connected) {
    const since = performance.now();
    const over = new AbortController();
    let looked = since;
    const look = async () => {
      const now = performance.now();
      if (now - looked < TURN_MS.hidden || now - since < TURN_MS[document.visibilityState]) return;
      looked = now;
      if (await isWanted(name)) over.abort();
    };
    const timer = setInterval(look, TURN_MS.hidden);
    let heard = false;
    try {
      const alive = () => {
        connected();
        if (!this.ended) fill(this.node, { failure: "" });
      };
      for await (const event of events(`/tasks/${this.node.dataset.task}/stream`, this.last, AbortSignal.any([signal, over.signal]), alive)) {
        heard = true;
        this.take(event);
        this.last = event.id;
        if (this.ended) setTimeout(() => over.abort(), 1000); // the server closes it, a proxy may not
        else look();
      }
    } catch (error) {
      if (!over.signal.aborted) throw error;
    } finally {
      clearInterval(timer);
    }
    if (!heard && !over.signal.aborted && !signal.aborted) throw new TypeError("the stream ended with nothing in it");
  }

  take({ name, data }) {
    const told = JSON.parse(data);
    if (name === "token") {
      if (!this.text.length) this.node.dataset.firstAt = performance.now();
      this.text.appendData(told.text);
    } else if (name === "status") this.about(told);
    else if (name === "finished") this.finished(told);
    else if (name === "llm_provider_error") this.note(say(TEXTS.providerError, { ...who(told), words: told.error.words }));
    else if (name === "llm_fallback") {
      this.note(say(TEXTS.fallback, { to: who(told.to).server, from: who(told.from).server, reason: TEXTS.kinds[told.reason] ?? told.code }));
    } else this.note(say(TEXTS.unknown, { name, data })); // of a later version: shown as it came
  }

  /** Who answers, or will, and how far it is. */
  about(task) {
    this.node.dataset.status = task.status;
    const answered = task.llm_response_model;
    fill(this.node, {
      status: say(TEXTS[task.status], { label: task.context.llm_runtime.label }),
      label: task.context.llm_runtime.label,
      model: answered ? say(TEXTS.model, { asked: task.llm_model, answered }) : task.llm_model,
      endpoint: task.llm_endpoint,
      firstToken: task.first_token === null ? "" : say(TEXTS.seconds, { number: figures(task.first_token) }),
      speed: speed(task),
    });
    link(this.node, "request", task.request_ids.length && `/requests/${task.request_ids.at(-1)}`);
    slot(this.node, "request").closest("div").hidden = !task.request_ids.length;
  }

  finished(task) {
    this.about(task);
    if (task.finish_reason === "length") fill(this.node, { status: TEXTS.cutOff });
    const words = task.error?.words ?? (task.status === "COMPLETED" && !this.text.length ? TEXTS.noText : "");
    this.end(task.status, words);
  }

  end(status, failure) {
    this.ended = true;
    this.node.dataset.status = status;
    this.node.dataset.doneAt = performance.now();
    this.node.removeAttribute("aria-busy");
    if (document.activeElement === this.button) $("prompt").focus();
    this.button.hidden = true;
    fill(this.node, { failure, ...(status in TEXTS ? {} : { status: "" }) });
  }

  note(words) {
    const line = document.createElement("li");
    line.textContent = words;
    this.node.querySelector(".events").append(line);
  }

  async stop() {
    try {
      await write("DELETE", `/tasks/${this.node.dataset.task}`);
    } catch (error) {
      if (error.status !== 409) fill(this.node, { failure: error instanceof Refused ? error.message : TEXTS.unreachable }); // 409: it has ended
    }
  }
}

/** Tokens a second from the first to the last, where that is known. */
function speed({ usage, duration_seconds: whole, first_token: first }) {
  const tokens = usage?.output_tokens ?? 0;
  if (whole === null || first === null || tokens < 2 || whole <= first) return "";
  return say(TEXTS.speed, { number: figures((tokens - 1) / (whole - first)) });
}

// Who looks at the end of the conversation goes on doing so; who scrolls up is left there. Looked at once a frame, and not for each token:
// to ask where one is makes the browser lay all of it out.
let follows = true;

/** What scrolls: the conversation, or on a narrow screen the whole page. */
const scrolled = () => (getComputedStyle($("talk")).overflowY === "visible" ? document.scrollingElement : $("talk"));

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

// Which tasks belong to this tab's conversation: ids alone, never what was said. The tab's own storage outlives a reload.
const conversation = { session: crypto.getRandomValues(new Uint32Array(4)).join("-"), tasks: [] };

function remember() {
  conversation.tasks = conversation.tasks.slice(-KEPT);
  sessionStorage.setItem(KEY, JSON.stringify(conversation));
}

async function comeBack() {
  Object.assign(conversation, JSON.parse(sessionStorage.getItem(KEY) ?? "{}"));
  const turns = conversation.tasks.map((id) => {
    const turn = new Turn();
    turn.node.dataset.task = id;
    return turn;
  });
  for (const turn of turns) await turn.comeBack();
}

$("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const prompt = $("prompt").value;
  if (!prompt.trim()) return;
  $("prompt").value = "";
  const turn = new Turn();
  follows = true;
  toEnd();
  if (await turn.ask(prompt)) {
    conversation.tasks.push(turn.node.dataset.task);
    remember();
  } else if (!$("prompt").value) $("prompt").value = prompt;
});

$("prompt").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("ask").requestSubmit();
});

// What is under way ends, since nobody reads on; what waits first, so that it does not begin meanwhile. A dead line holds nobody up.
$("anew").addEventListener("click", async () => {
  const left = [...document.querySelectorAll(".turn[data-task]")].filter((turn) => !turn.querySelector("[data-act=stop]").hidden).reverse();
  await Promise.race([Promise.allSettled(left.map((turn) => write("DELETE", `/tasks/${turn.dataset.task}`))), pause(1000)]);
  sessionStorage.removeItem(KEY);
  location.reload();
});

// -- the theme, by the same cookie as the other page ---------------------------------------------------------------------------------------

const THEMES = Object.keys(TEXTS.theme);

function showTheme() {
  $("theme").ariaLabel = $("theme").title = TEXTS.theme[document.documentElement.dataset.theme];
}

$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  document.cookie = `venom-theme=${root.dataset.theme}; path=/; max-age=${365 * 24 * 3600}; samesite=strict`;
  showTheme();
});

showTheme();
showLive("connecting");
read();
keepUp();
channel.postMessage({ hello: true });
comeBack();
