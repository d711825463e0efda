// The rows of a comparison. A component of its own and no ui.table: the keyboard's focus stays where it is when figures change; headings are
// buttons and say how they sort; and on a telephone a row is a card. Everything is text in a template.
export default {
  template: `
    <div class="compare-table">
      <label class="compare-sort">{{ texts.sort }}
        <select :value="sorted" @change="$emit('sort', $event.target.value)">
          <option v-for="heading in headings" :key="heading.name" :value="heading.name">{{ words(heading) }}</option>
        </select>
      </label>
      <table :aria-label="texts.title">
        <thead>
          <tr>
            <th scope="col" class="compare-pick"><span class="hidden-words">{{ texts.pick }}</span></th>
            <th v-for="heading in headings" :key="heading.name" scope="col" :class="'is-' + heading.name" :aria-sort="heading.sorted">
              <button type="button" :title="heading.help" @click="$emit('sort', heading.name)"><span>{{ heading.label }}</span><span v-if="heading.more" class="compare-more"> {{ heading.more }}</span><span class="compare-arrow" aria-hidden="true">{{ { ascending: "↑", descending: "↓" }[heading.sorted] }}</span></button>
            </th>
          </tr>
        </thead>
        <tbody>
          <tr v-for="row in rows" :key="row.key" :class="{ 'is-few': row.few, 'is-picked': row.picked }">
            <td class="compare-pick"><label :title="texts.pickHelp"><input type="checkbox" :checked="!!row.picked" :aria-label="texts.pick + ': ' + row.title + ' ' + row.place" @change="$emit('pick', row.key)"><span v-if="row.picked" class="compare-letter">{{ row.picked }}</span></label></td>
            <th scope="row" class="is-name">
              <a class="compare-link" :href="row.href" :title="row.title + ' ' + row.place"><span :class="row.mark && 'provider'" :style="row.mark"><span class="compare-title">{{ row.title }}</span></span></a>
              <span v-if="row.place" class="compare-place" :title="row.place">{{ row.place }}</span>
            </th>
            <td v-for="(cell, index) in row.cells" :key="cell.name" :class="['is-' + cell.name, { 'is-little': cell.few, ['is-' + cell.verdict]: cell.verdict }]" :title="cell.help || null">
              <span class="compare-label">{{ words(headings[index + 1]) }}</span>
              <span class="compare-value"><span v-if="cell.verdict" class="compare-verdict" role="img" :aria-label="texts[cell.verdict]" :title="texts[cell.verdict]"></span>{{ cell.text }}</span>
              <span v-if="cell.more" class="compare-more">{{ cell.more }}</span>
            </td>
          </tr>
        </tbody>
      </table>
    </div>
  `,
  props: { rows: Array, headings: Array, texts: Object },
  emits: ["sort", "pick"],
  // A row that moves to another place is taken out of the page and put in again, which takes the focus from what is inside.
  beforeUpdate() {
    this.focused = this.$el.contains(document.activeElement) ? document.activeElement : null;
  },
  updated() {
    if (this.focused?.isConnected && document.activeElement !== this.focused) this.focused.focus({ preventScroll: true });
  },
  computed: {
    sorted() {
      return this.headings.find((heading) => heading.sorted !== "none")?.name;
    },
  },
  methods: {
    words(heading) {
      return heading.more ? `${heading.label} ${heading.more}` : heading.label;
    },
  },
};
