// A point in time as text in the reader's own time zone.

export function clock(ms) {
  return new Date(ms).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

export function day(ms) {
  return new Date(ms).toLocaleDateString(undefined, { weekday: "long", month: "long", day: "numeric" });
}

export function full(ms) {
  return new Date(ms).toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
}

export function iso(ms) {
  return new Date(ms).toISOString();
}
