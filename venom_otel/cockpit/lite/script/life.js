// Whether this tab is awake. While the browser has put it to sleep (frozen, or kept for the way back) it may hold nothing that others wait for.
// Where there are no locks (a page over http from another machine), a tab that is not looked at may not, either.

/** Its signal is aborted while the tab sleeps. */
export let life = new AbortController();
const waking = [];
const looking = [];

/** Resolved once the tab is awake. */
export const awake = () => (life.signal.aborted ? new Promise((resolve) => waking.push(resolve)) : undefined);

/** Calls `look` when the tab is awake again, or looked at again: what it shows may be old. */
export const onLook = (look) => looking.push(look);

function sleep() {
  life.abort();
}

function wake() {
  if (!life.signal.aborted) return;
  life = new AbortController();
  for (const go of waking.splice(0)) go();
  lookAgain();
}

function lookAgain() {
  for (const look of looking) look();
}

document.addEventListener("freeze", sleep);
document.addEventListener("resume", wake);
window.addEventListener("pagehide", sleep);
window.addEventListener("pageshow", wake);
document.addEventListener("visibilitychange", () => {
  if (!navigator.locks) (document.hidden ? sleep : wake)();
  else if (!document.hidden) lookAgain();
});
if (!navigator.locks && document.hidden) sleep();
