// A conversation that scrolls: it follows what comes at its end until the reader scrolls up, and does so again where the reader comes back.
// Which conversation it is lies in the tab's own storage: ids alone, never what was said.
const KEY = "venom-chat";
const NEAR = 24;
// A tab that was duplicated has a copy of the storage. The tab that is at a conversation says so to whoever asks, and the copy begins anew.
const ASKED_MS = 80;

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
    this.tabs = new BroadcastChannel(KEY);
    this.session = null;
    const kept = await this.own(this.stored());
    this.tabs.onmessage = ({ data }) => data.who && data.who === this.session && this.tabs.postMessage({ here: data.who });
    this.session = kept?.session;
    this.$emit("ready", kept);
  },
  unmounted() {
    this.watching.disconnect();
    this.tabs.close();
  },
  methods: {
    // What to come back to; `state.session` is whose tab this is.
    keep(state) {
      this.session = state.session;
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
    async own(kept) {
      if (!kept?.session) return null;
      const taken = new Promise((known) => {
        this.tabs.onmessage = ({ data }) => data.here === kept.session && known(true);
        setTimeout(() => known(false), ASKED_MS);
      });
      this.tabs.postMessage({ who: kept.session });
      return (await taken) ? null : kept;
    },
  },
};
