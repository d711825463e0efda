// The list of requests. A component of its own and no ui.table: a table's slot is built anew at every change, so that the row under the
// keyboard's focus would be lost at each arrival, and the whole list would travel each time. Here rows are keyed and only news travel.
// Everything is text in a template; nothing is ever set as HTML.
import { clock, day, full, iso, sameDay } from "venom_clock";
import { pieces, plain } from "venom_words";

// The row by which the list was left for a trace; who comes back finds the keyboard's focus there again.
let left = null;

export default {
  template: `
    <div class="requests" role="table" :aria-label="texts.title" @keydown="onKey">
      <div class="requests-head" role="row">
        <span v-for="column in columns" :key="column.name" role="columnheader" :class="'cell-' + column.name" :title="column.help">{{ column.label }}</span>
      </div>
      <div role="rowgroup">
        <template v-for="(row, index) in list" :key="row.id">
          <div v-if="dayBegins(index)" role="row" class="day"><span role="cell">{{ day(row.started) }}</span></div>
          <div role="row" class="request" :class="['is-' + row.status, { 'is-fresh': row.fresh }]">
            <span role="cell" class="cell-time"><a class="request-link" :href="row.href" :data-id="row.id" :aria-label="label(row)" @click="leave(row)"><time :datetime="iso(row.started)" :title="full(row.started)">{{ clock(row.started) }}</time></a></span>
            <span role="cell" class="cell-status"><span class="status-mark" aria-hidden="true"></span><span class="status-word">{{ row.statusText }}</span></span>
            <span role="cell" class="cell-provider"><span class="provider" :style="row.mark">{{ row.provider }}</span><span v-if="row.fallback" class="fallback-mark" role="img" :title="texts.fallback" :aria-label="texts.fallback">↷</span></span>
            <span role="cell" class="cell-model" :title="row.answered ? row.model + ' → ' + row.answered : row.model"><span class="model">{{ row.model }}</span><template v-if="row.answered"><span class="arrow" role="img" :aria-label="texts.answered">→</span><span class="answered">{{ row.answered }}</span></template></span>
            <span role="cell" class="cell-endpoint" :title="row.endpoint">{{ row.endpoint }}</span>
            <span role="cell" class="cell-service" :title="row.service">{{ row.service }}<span v-if="row.task" class="task-mark" :title="texts.taskHelp">{{ texts.task }}</span></span>
            <span role="cell" class="cell-duration" :class="{ 'has-time': row.timing }" :title="row.timing?.words" @click="follow">{{ row.duration }}<span v-if="row.timing" class="time-bar" :style="row.timing.bar" role="img" :aria-label="row.timing.words"></span></span>
            <span role="cell" class="cell-first">{{ row.first }}</span>
            <span role="cell" class="cell-tokens">{{ row.tokens }}</span>
            <span v-if="row.error" role="cell" class="cell-error" :title="plain(row.error)"><template v-for="piece in pieces(row.error)"><code v-if="piece.code">{{ piece.text }}</code><template v-else>{{ piece.text }}</template></template></span>
          </div>
        </template>
      </div>
    </div>
  `,
  props: { rows: Array, columns: Array, texts: Object },
  data() {
    return { list: this.rows };
  },
  methods: {
    clock,
    day,
    full,
    iso,
    pieces,
    plain,
    add(rows, limit) {
      const known = new Set(this.list.map((row) => row.id));
      const news = rows.filter((row) => !known.has(row.id)).map((row) => ({ ...row, fresh: true }));
      this.list = [...news, ...this.list].slice(0, limit);
    },
    append(rows) {
      this.list = [...this.list, ...rows];
    },
    async replace(rows) {
      this.list = rows;
      await this.$nextTick();
      this.links().find((link) => link.dataset.id === left)?.focus();
      left = null;
    },
    // A heading where the day changes, but none above today's requests.
    dayBegins(index) {
      return !sameDay(this.list[index].started, index === 0 ? Date.now() : this.list[index - 1].started);
    },
    label(row) {
      return [row.statusText, row.provider, row.fallback && this.texts.fallback, row.model, row.duration, row.error && plain(row.error)].filter(Boolean).join(", ");
    },
    // A cell with words of its own for the mouse lies above the row's link.
    follow(event) {
      event.currentTarget.closest(".request").querySelector(".request-link").click();
    },
    leave(row) {
      left = row.id;
    },
    links() {
      return [...this.$el.querySelectorAll(".request-link")];
    },
    onKey(event) {
      const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      const links = this.links();
      const next = links[links.indexOf(document.activeElement) + step];
      if (!next) return;
      event.preventDefault();
      next.focus();
      next.closest(".request").scrollIntoView({ block: "nearest" });
    },
  },
};
