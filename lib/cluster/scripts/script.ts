import { createHash } from 'node:crypto';
import { markMade } from '../common/package-copies.js';

/** A Lua script, sent by its hash, and whole to a server that does not know it yet. */
export class Script {
  /** SHA-1 of the text, in hex, by which servers know it. */
  readonly sha: string;

  constructor(
    readonly lua: string,
    /** It only reads, and may be sent to replicas. */
    readonly readOnly = false,
  ) {
    markMade(this);
    this.sha = createHash('sha1').update(lua).digest('hex');
  }

  /** The same script, which frees memory: servers run it though they are full. It begins with `#!lua`. */
  freeing(): Script {
    return new Script(this.lua.replace('#!lua', '#!lua flags=allow-oom'));
  }

  /**
   * The same script for calls in which it only reads: servers run it though they may not write. It begins with
   * `#!lua`.
   */
  reading(): Script {
    return new Script(this.lua.replace('#!lua', '#!lua flags=no-writes'), true);
  }
}
