// The log records of a trace, by time; each opens to show all it says. Everything is text in a template; nothing is ever set as HTML.
export default {
  template: `
    <div class="logs" role="list" :aria-label="texts.title">
      <details v-for="row in rows" :key="row.id" role="listitem" class="log" :class="['is-' + row.level, { 'is-selected': row.span && row.span === selected }]">
        <summary @click="row.span && $emit('select', row.span)">
          <span class="log-at">{{ row.at }}</span>
          <span class="log-severity">{{ row.severity }}</span>
          <span class="log-body">{{ row.body }}</span>
          <span class="log-span">{{ row.name }}</span>
        </summary>
        <dl class="attributes">
          <div v-for="[name, value] in row.attributes" :key="name" class="attribute"><dt>{{ name }}</dt><dd>{{ value }}</dd></div>
        </dl>
      </details>
    </div>
  `,
  props: { rows: Array, selected: String, texts: Object },
  emits: ["select"],
};
