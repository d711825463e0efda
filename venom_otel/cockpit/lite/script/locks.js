// Connections among the browser's tabs: what only one of them may do at a time.

import { life } from "./life.js";

const ANSWERS = ["0", "1", "2"].map((each) => `venom-otel-lite-answer-${each}`);

/** Does `work` while this tab alone has the lock `name`. Once `impatience` is aborted the lock is taken from whoever has it. */
export async function inTurn(name, impatience, work) {
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
export async function leastWanted() {
  if (!navigator.locks) return ANSWERS[0];
  const { held, pending } = await navigator.locks.query();
  const wanted = (name) => [...held, ...pending].filter((lock) => lock.name === name).length + Math.random() / 2;
  return ANSWERS.map((name) => [wanted(name), name]).sort()[0][1];
}

/** Whether another tab waits for it. */
export async function isWanted(name) {
  return navigator.locks ? (await navigator.locks.query()).pending.some((lock) => lock.name === name) : false;
}
