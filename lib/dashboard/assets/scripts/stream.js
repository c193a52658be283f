/** How long a hidden page stays connected, in ms. */
const HIDDEN_MS = 30_000;
/** After how long without news the page says so, in ms. The server sends some every second. */
const STALE_MS = 6_000;
/** The pause before a refused stream is tried again, in ms. The browser itself does not. */
const RETRY_MS = 3_000;

/** Answers of guards, and of a login page that takes their place. */
const isRefusal = ({ status, redirected }) => status === 401 || status === 403 || redirected;

/**
 * A stream of server-sent events that is open while somebody looks at the page.
 * @param onMessage gets the event's type and its data
 * @param onState gets `live`, `connecting`, `stale`, `lost`, `refused` or `paused`
 */
export class Stream {
  paused = false;
  source;
  staleTimer;
  retryTimer;
  hiddenTimer;

  constructor(url, onMessage, onState) {
    this.url = url;
    this.onMessage = onMessage;
    this.onState = onState;
    document.addEventListener('visibilitychange', () => this.followVisibility());
    this.open();
  }

  /** Shows another stream. */
  switchTo(url) {
    this.url = url;
    this.close();
    if (!this.paused) this.open();
  }

  pause(paused) {
    this.paused = paused;
    this.close();
    if (paused) this.onState('paused');
    else this.open();
  }

  open() {
    this.close();
    this.onState('connecting');
    const source = (this.source = new EventSource(this.url));
    for (const type of ['all', 'change'])
      source.addEventListener(type, ({ data }) => {
        this.onState('live');
        this.watchForSilence();
        this.onMessage(type, JSON.parse(data));
      });
    source.addEventListener('error', () => {
      clearTimeout(this.staleTimer);
      if (source.readyState !== EventSource.CLOSED) this.onState('lost');
      else void this.explain();
    });
  }

  close() {
    for (const timer of [this.staleTimer, this.retryTimer, this.hiddenTimer]) clearTimeout(timer);
    this.source?.close();
    this.source = undefined;
  }

  /** An EventSource does not say why it was refused; a request for the page does. */
  async explain() {
    const refused = await fetch(location.href, { cache: 'no-store' }).then(isRefusal, () => false);
    if (this.paused) return;
    this.onState(refused ? 'refused' : 'lost');
    if (!refused) this.retryTimer = setTimeout(() => this.open(), RETRY_MS);
  }

  watchForSilence() {
    clearTimeout(this.staleTimer);
    this.staleTimer = setTimeout(() => this.onState('stale'), STALE_MS);
  }

  followVisibility() {
    clearTimeout(this.hiddenTimer);
    if (this.paused) return;
    if (document.hidden) this.hiddenTimer = setTimeout(() => this.close(), HIDDEN_MS);
    else if (this.source === undefined) this.open();
  }
}
