// A question and its answer: asked once, and followed to its end whatever becomes of the connection.

import { Refused, events, get, write } from "./api.js";
import { $, TEXTS, copy, fill, link, say, showWords, slot } from "./drawing.js";
import { awake, life } from "./life.js";
import { inTurn, isWanted, leastWanted } from "./locks.js";
import { patience, pause } from "./waiting.js";

const PATIENCE_MS = 30_000; // for the lock of a tab that does not answer
const TURN_MS = { visible: 2000, hidden: 250 }; // of an answer's connection, where another tab waits for it
const UNFINISHED = new Set(["PENDING", "PROCESSING"]);

const figures = (number) => number.toFixed(number < 9.995 ? 2 : number < 99.95 ? 1 : 0);
const who = (party) => ({ server: party.service_id, model: party.llm_model, endpoint: party.llm_endpoint });

/** A question and its answer. */
export class Turn {
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

  /** Asks in a conversation, and follows what happens. True where it was begun. */
  async ask(prompt, session) {
    this.node.dataset.askedAt = performance.now();
    fill(this.node, { asked: prompt });
    try {
      this.follow(await write("POST", "/tasks", { prompt, session }));
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
        fill(this.node, { asked: task.asked?.at(-1).content ?? TEXTS.notAsked });
        this.problem("");
        this.follow(task);
        return;
      } catch (error) {
        if (error instanceof Refused && error.status < 500) return this.end("LOST", say(TEXTS.gone, { words: error.message }));
      }
      this.problem(TEXTS.again);
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
      this.problem(TEXTS.again);
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
        if (!this.ended) this.problem("");
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
      speed: task.speed === null ? "" : figures(task.speed),
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
    this.problem(failure);
    if (!(status in TEXTS)) fill(this.node, { status: "" });
  }

  problem(words) {
    showWords(slot(this.node, "failure"), words);
  }

  note(words) {
    const line = document.createElement("li");
    showWords(line, words);
    this.node.querySelector(".events").append(line);
  }

  async stop() {
    try {
      await write("DELETE", `/tasks/${this.node.dataset.task}`);
    } catch (error) {
      if (error.status !== 409) this.problem(error instanceof Refused ? error.message : TEXTS.unreachable); // 409: it has ended
    }
  }
}
