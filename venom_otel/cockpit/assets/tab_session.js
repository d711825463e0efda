// Which conversation is a tab's own. A tab that was duplicated has a copy of the original's storage. The tab that is at a conversation has its
// lock, and says so to whoever asks; the copy begins another one.

const LONGEST_MS = 5000; // for the lock of a tab that is just gone, or the word of one that is busy; who has it for longer is there
const ASKED_MS = 300; // where there are no locks, as in a page over http from another machine, for the word alone

export class TabSession {
  constructor(name) {
    this.name = name;
    this.channel = new BroadcastChannel(name);
    this.session = null;
    this.locked = null; // the conversation whose lock this tab has or waits for
    this.unlock = () => {};
    this.known = () => {};
    this.channel.onmessage = ({ data }) => {
      if (data.who && data.who === this.session) this.channel.postMessage({ here: data.who });
      if (data.here) this.known(data.here);
    };
  }

  // Whether another tab is at this conversation.
  async taken(session) {
    const answered = new Promise((resolve) => {
      this.known = (here) => here === session && resolve(true);
      setTimeout(() => resolve(Boolean(navigator.locks)), navigator.locks ? LONGEST_MS : ASKED_MS);
    });
    this.channel.postMessage({ who: session });
    return Promise.race([answered, this.lock(session).then(() => false)]);
  }

  // From now on this tab is at it.
  at(session) {
    this.session = session;
    if (session !== this.locked) this.lock(session);
  }

  close() {
    this.unlock();
    this.channel.close();
  }

  // Resolved once this tab has a conversation's lock, which it keeps until it wants another one's.
  lock(session) {
    this.unlock();
    this.locked = session;
    return new Promise((resolve) => {
      if (!navigator.locks || !session) return;
      const over = new AbortController();
      const left = new Promise((leave) => over.signal.addEventListener("abort", leave));
      const held = () => (resolve(), left);
      this.unlock = () => over.abort();
      navigator.locks.request(`${this.name}-${session}`, { signal: over.signal }, held).catch(() => {}); // given up while it was waited for
    });
  }
}
