// How long to wait.

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Milliseconds before the next try: longer after each failure, and not the same for all tabs. */
export const patience = (failures) => Math.min(500 * 2 ** failures, 5000) * (0.75 + Math.random() / 2);
