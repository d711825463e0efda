// Where one writes. What is written stays in the browser until it is sent, and comes back where it is refused.
export default {
  template: `
    <form class="chat-input" @submit.prevent="send">
      <q-input v-model="text" ref="field" type="textarea" autogrow borderless dense class="chat-field" input-class="chat-words" :input-attrs="{ rows: 1 }"
        :placeholder="texts.placeholder" :aria-label="texts.label" @keydown.enter.exact="onEnter" @focus="$emit('entered')" />
      <q-btn v-if="busy" flat round dense icon="stop" class="chat-stop" :aria-label="texts.stop" :title="texts.stop" @click="$emit('stop')" />
      <q-btn flat round dense type="submit" icon="arrow_upward" class="chat-send" :disable="!text.trim()" :aria-label="texts.send" :title="texts.send" />
    </form>
  `,
  props: { texts: Object, busy: Boolean, longest: Number },
  emits: ["send", "long", "stop", "entered"],
  data() {
    return { text: "" };
  },
  methods: {
    onEnter(event) {
      if (event.isComposing) return; // it ends a word of an input method
      event.preventDefault();
      this.send();
    },
    send() {
      const text = this.text.toWellFormed?.() ?? this.text;
      if (!text.trim()) return;
      // A message longer than the server's limit would end the connection. An event's arguments are JSON within JSON.
      if (new Blob([JSON.stringify(JSON.stringify(text))]).size > this.longest) {
        this.$emit("long", text.length);
        return;
      }
      this.text = "";
      this.$emit("send", text);
      this.focus();
    },
    // It comes back, before what was written meanwhile.
    refused(text) {
      this.text = [text, this.text].filter(Boolean).join("\n");
      this.focus();
    },
    focus() {
      this.$refs.field.focus();
    },
  },
};
