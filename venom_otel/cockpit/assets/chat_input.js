// Where one writes. What is written stays in the browser until it is sent, and in its place until the server has taken it.
export default {
  template: `
    <form class="chat-input" @submit.prevent="send">
      <q-input v-model="text" ref="field" type="textarea" autogrow borderless dense class="chat-field" input-class="chat-words" :input-attrs="{ rows: 1 }"
        :placeholder="texts.placeholder" :aria-label="texts.label" @keydown.enter.exact="onEnter" />
      <q-btn v-if="busy" flat round dense icon="stop" class="chat-stop" :aria-label="texts.stop" :title="texts.stop" @click="$emit('stop')" />
      <q-btn flat round dense type="submit" icon="arrow_upward" class="chat-send" :disable="!text.trim()" :loading="sending" :aria-label="texts.send" :title="texts.send" />
    </form>
  `,
  props: { texts: Object, busy: Boolean, longest: Number },
  emits: ["send", "long", "stop"],
  data() {
    return { text: "", sending: false };
  },
  methods: {
    onEnter(event) {
      if (event.isComposing) return; // it ends a word of an input method
      event.preventDefault();
      this.send();
    },
    send() {
      const text = this.text;
      if (!text.trim() || this.sending) return;
      // A message longer than the server's limit would end the connection.
      if (new Blob([JSON.stringify(text)]).size > this.longest) {
        this.$emit("long", text.length);
        return;
      }
      this.sending = true;
      this.$emit("send", text);
    },
    taken() {
      this.sending = false;
      this.text = "";
      this.focus();
    },
    refused() {
      this.sending = false;
      this.focus();
    },
    focus() {
      this.$refs.field.focus();
    },
  },
};
