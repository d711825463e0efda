// Which conversation is a tab's own. A tab that was duplicated has a copy of the original's storage: the tab that is at a conversation says so
// to whoever asks, and the copy begins another one.

const ASKED_MS = 80;

export class TabSession {
  constructor(name) {
    this.channel = new BroadcastChannel(name);
    this.session = null;
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
      setTimeout(() => resolve(false), ASKED_MS);
    });
    this.channel.postMessage({ who: session });
    return answered;
  }

  // From now on this tab is at it.
  at(session) {
    this.session = session;
  }

  close() {
    this.channel.close();
  }
}
