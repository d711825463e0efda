// A conversation that scrolls: it follows what comes at its end until the reader scrolls up, and does so again where the reader comes back.
// Which conversation it is lies in the tab's own storage: ids alone, never what was said.
import { TabSession } from "tab_session";

const KEY = "venom-chat";
const NEAR = 24;

export default {
  template: `
    <div class="chat-scrolled">
      <div ref="log" class="chat-log" role="log" :aria-label="texts.title" tabindex="0" @scroll.passive="scrolled">
        <div ref="inside" class="chat-inside"><slot></slot></div>
      </div>
      <button v-show="!follows" type="button" class="chat-newest" @click="toEnd">{{ texts.newest }}</button>
    </div>
  `,
  props: { texts: Object },
  emits: ["ready"],
  data() {
    return { follows: true };
  },
  async mounted() {
    this.top = 0;
    this.watching = new ResizeObserver(() => this.follows && this.toEnd());
    this.watching.observe(this.$refs.inside);
    this.watching.observe(this.$refs.log);
    this.own = new TabSession(KEY);
    const stored = this.stored();
    const kept = stored?.session && !(await this.own.taken(stored.session)) ? stored : null;
    this.own.at(kept?.session);
    this.$emit("ready", kept);
  },
  unmounted() {
    this.watching.disconnect();
    this.own.close();
  },
  methods: {
    // What to come back to; `state.session` is whose tab this is.
    keep(state) {
      this.own.at(state.session);
      sessionStorage.setItem(KEY, JSON.stringify(state));
    },
    toEnd() {
      this.follows = true;
      this.$refs.log.scrollTop = this.$refs.log.scrollHeight;
    },
    scrolled() {
      const { scrollTop, scrollHeight, clientHeight } = this.$refs.log;
      // A reader scrolls up; what comes meanwhile only moves the end away.
      if (scrollHeight - scrollTop - clientHeight < NEAR) this.follows = true;
      else if (scrollTop < this.top) this.follows = false;
      this.top = scrollTop;
    },
    stored() {
      try {
        return JSON.parse(sessionStorage.getItem(KEY));
      } catch {
        return null;
      }
    },
  },
};
