// The conversation of this tab: which questions belong to it, and asking another one.

import { write } from "./api.js";
import { $ } from "./drawing.js";
import { followEnd } from "./scrolling.js";
import { TabSession } from "./tab_session.js";
import { Turn } from "./turn.js";
import { pause } from "./waiting.js";

const KEY = "venom-otel-lite";
const KEPT = 50; // questions of a conversation that are there again after a reload

// Ids alone, never what was said. The tab's own storage outlives a reload, and is copied where a tab is duplicated.
const conversation = { session: crypto.getRandomValues(new Uint32Array(4)).join("-"), tasks: [] };
const own = new TabSession(KEY);
const settled = settle();

async function settle() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  if (kept.session) {
    if (await own.taken(kept.session)) sessionStorage.removeItem(KEY);
    else Object.assign(conversation, kept);
  }
  own.at(conversation.session);
}

function remember() {
  conversation.tasks = conversation.tasks.slice(-KEPT);
  sessionStorage.setItem(KEY, JSON.stringify(conversation));
}

/** Shows the conversation that the tab was at. */
export async function comeBack() {
  await settled;
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
  await settled;
  const turn = new Turn();
  followEnd();
  if (await turn.ask(prompt, conversation.session)) {
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
