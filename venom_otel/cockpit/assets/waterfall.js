// The spans of a trace on one time axis, as a tree that the keyboard walks. Everything is text in a template; nothing is ever set as HTML.
export default {
  template: `
    <div class="waterfall">
      <div class="waterfall-head" aria-hidden="true">
        <span class="waterfall-name">{{ texts.span }}</span>
        <span class="waterfall-axis"><span v-for="(tick, index) in ticks" :key="index" :style="{ left: index * 25 + '%' }">{{ tick }}</span></span>
      </div>
      <div role="tree" :aria-label="texts.title" @keydown="onKey">
        <button v-for="row in rows" :key="row.id" type="button" role="treeitem" class="span" :class="{ 'is-failed': row.failed, 'is-selected': row.id === selected }"
          :aria-level="row.depth + 1" :aria-selected="row.id === selected" :tabindex="row.id === selected ? 0 : -1" :data-id="row.id" @click="$emit('select', row.id)">
          <span class="waterfall-name" :style="{ '--depth': Math.min(row.depth, 12) }"><span class="span-mark" :class="{ 'is-model': row.provider }" :style="row.mark" aria-hidden="true"></span><span class="span-name">{{ row.name }}</span><span v-if="row.provider" class="span-provider">{{ row.provider }}</span></span>
          <span class="waterfall-track">
            <span class="waterfall-bar" :class="{ 'is-model': row.provider }" :style="[row.mark, { left: row.left + '%', width: row.width + '%' }]"><span v-if="row.first" class="waterfall-first" :style="{ width: row.first + '%' }" :title="texts.first"></span></span>
          </span>
          <span class="waterfall-duration">{{ row.duration }}</span>
        </button>
      </div>
    </div>
  `,
  props: { rows: Array, ticks: Array, selected: String, texts: Object },
  emits: ["select"],
  methods: {
    onKey(event) {
      const items = [...this.$el.querySelectorAll(".span")];
      const at = items.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, Home: 0, End: items.length - 1 }[event.key];
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey || !items[to]) return;
      event.preventDefault();
      items[to].focus();
      this.$emit("select", items[to].dataset.id);
    },
  },
};
