// An answer: as plain text while it comes, of which only what is new travels and is laid out; as sanitised HTML once it is whole.
const BLOCK = 4000;
const LONGEST = 16000;

export default {
  // Vue has no part in what is inside: it would compare all of it at each change.
  template: `<div class="answer-text" :class="{ 'is-whole': html !== null }"></div>`,
  props: { html: { type: String, default: null }, texts: Object },
  mounted() {
    if (this.html !== null) this.show();
  },
  watch: {
    html: { handler: "show", flush: "post" },
  },
  methods: {
    // Blocks end at line ends, so that a long answer is laid out anew only from its last one on; where there are none, at a space.
    // What was on its way when the whole came is part of the whole.
    append(text) {
      if (this.html !== null) return;
      while (text) {
        if (!this.block) {
          this.block = document.createTextNode("");
          this.$el.appendChild(document.createElement("div")).appendChild(this.block);
        }
        const length = this.block.length;
        const line = length < BLOCK ? -1 : text.indexOf("\n");
        const end = line < 0 && length >= LONGEST ? text.indexOf(" ") : line;
        this.block.appendData(end < 0 ? text : text.slice(0, end + 1));
        if (end < 0) return;
        text = text.slice(end + 1);
        this.block = null;
      }
    },
    show() {
      this.block = null;
      this.$el.setHTML(this.html);
      for (const link of this.$el.querySelectorAll("a[href]")) {
        link.target = "_blank";
        link.rel = "noopener noreferrer";
      }
      for (const code of this.$el.querySelectorAll("pre")) {
        const frame = document.createElement("div");
        frame.className = "answer-code";
        code.replaceWith(frame);
        code.tabIndex = 0; // what scrolls can be scrolled by keys
        frame.append(code, this.copying(code.textContent));
      }
      for (const table of this.$el.querySelectorAll("table")) if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
    },
    copying(code) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "answer-copy";
      button.textContent = this.texts.copy;
      button.ariaLabel = this.texts.copyCode;
      button.addEventListener("click", async () => {
        await Quasar.copyToClipboard(code);
        button.textContent = this.texts.copied;
        setTimeout(() => (button.textContent = this.texts.copy), 1200);
      });
      return button;
    },
  },
};
