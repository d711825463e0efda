// A point in time as text in the reader's own time zone. Formats are made once: making one takes longer than drawing a row.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

export const clock = (ms) => CLOCK.format(ms);
export const day = (ms) => DAY.format(ms);
export const shortDay = (ms) => SHORT_DAY.format(ms);
export const full = (ms) => FULL.format(ms);
export const iso = (ms) => new Date(ms).toISOString();
export const sameDay = (one, other) => new Date(one).toDateString() === new Date(other).toDateString();
