import { createHash } from 'node:crypto';

/** A Lua script, sent by its hash, and whole to a server that does not know it yet. */
export class Script {
  /** SHA-1 of the text, in hex, by which servers know it. */
  readonly sha: string;

  constructor(
    readonly lua: string,
    /** It only reads, and may be sent to replicas. */
    readonly readOnly = false,
  ) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }
}
