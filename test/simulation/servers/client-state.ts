/** What a node knows of a client, apart from its protocol: what it has announced, queued and proven. */
export class ClientState {
  /** The next command, or the transaction that begins with it, may use a slot that the node is receiving. */
  isAsking = false;
  /** The node may serve reads of its primary's slots. */
  isReadonly = false;
  /** The commands of the transaction that has begun. */
  queued: (readonly string[])[] | undefined = undefined;

  /** @param user as whom it may run commands; `undefined` before it has authenticated */
  constructor(public user: string | undefined) {}

  /**
   * Returns the commands that a served one executes: itself unless it is queued, or those of its transaction.
   *
   * @param willFail whether the transaction will fail
   */
  executedBy(name: string, words: readonly string[], willFail: boolean): readonly (readonly string[])[] {
    if (this.queued === undefined) return [words];
    return name === 'exec' && !willFail ? this.queued : [];
  }

  /**
   * Follows a command that was served, or refused.
   *
   * @param willFail whether the transaction will fail, so that servers queue nothing more for it
   */
  follow(name: string, words: readonly string[], isRefused: boolean, willFail: boolean): void {
    if (name === 'exec' || name === 'discard') this.queued = undefined;
    else if (this.queued !== undefined) {
      if (!willFail && !IMMEDIATE.has(name)) this.queued.push(words);
    } else if (!isRefused) {
      if (name === 'multi') this.queued = [];
      if (name === 'readonly' || name === 'readwrite') this.isReadonly = name === 'readonly';
    }
    if (this.queued === undefined) this.isAsking = name === 'asking' && !isRefused;
  }
}

/** What a transaction does not queue. */
const IMMEDIATE: ReadonlySet<string> = new Set(['watch', 'multi', 'quit', 'reset']);
