/** What a node knows of a client, apart from its protocol: what it has announced, queued and proven. */
export class ClientState {
  /** The next command, or the transaction that begins with it, may use a slot that the node is receiving. */
  isAsking = false;
  /** The node may serve reads of its primary's slots. */
  isReadonly = false;
  /** The commands of the transaction that has begun. */
  queued: (readonly string[])[] | undefined = undefined;
  /** One of them was refused, so that the transaction will fail. */
  isQueueFaulty = false;

  /** @param user as whom it may run commands; `undefined` before it has authenticated */
  constructor(public user: string | undefined) {}

  /** Follows a command that was served, or refused. */
  follow(name: string, words: readonly string[], isRefused: boolean): void {
    if (this.queued !== undefined) this.followQueued(name, words, isRefused);
    else if (isRefused) this.isAsking = false;
    else if (name === 'multi') this.queued = [];
    else if (name === 'readonly' || name === 'readwrite') this.isReadonly = name === 'readonly';
    if (this.queued === undefined) this.isAsking = name === 'asking' && !isRefused;
  }

  private followQueued(name: string, words: readonly string[], isRefused: boolean): void {
    if (name === 'exec' || name === 'discard') {
      this.queued = undefined;
      this.isQueueFaulty = false;
    } else if (isRefused) this.isQueueFaulty = true;
    // servers queue nothing more for a transaction that will fail
    else if (!this.isQueueFaulty && !IMMEDIATE.has(name)) this.queued?.push(words);
  }
}

/** What a transaction does not queue. */
const IMMEDIATE: ReadonlySet<string> = new Set(['watch', 'multi', 'quit', 'reset']);
