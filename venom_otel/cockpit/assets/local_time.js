// A point in time, date and clock, in the reader's own time zone.
import { clock, day, full, iso, sameDay, shortDay } from "venom_clock";

export default {
  template: `<time :datetime="iso(ms)" :title="full(ms)">{{ short ? brief(ms) : day(ms) + ", " + clock(ms) }}</time>`,
  props: { ms: Number, short: Boolean },
  methods: {
    clock,
    day,
    full,
    iso,
    brief: (ms) => (sameDay(ms, Date.now()) ? clock(ms) : `${shortDay(ms)}, ${clock(ms)}`),
  },
};
