// A point in time, date and clock, in the reader's own time zone.
import { clock, day, full, iso } from "venom_clock";

export default {
  template: `<time :datetime="iso(ms)" :title="full(ms)">{{ day(ms) }}, {{ clock(ms) }}</time>`,
  props: { ms: Number },
  methods: { clock, day, full, iso },
};
