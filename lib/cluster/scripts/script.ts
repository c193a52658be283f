import { createHash } from 'node:crypto';
import { describeKind } from '../common/describe-value.js';
import { InvalidArgumentError } from '../common/errors.js';
import { markMade } from '../common/package-copies.js';

/** A Lua script. It is sent by its hash, and with its text to servers that do not know it yet. */
export class Script {
  /** SHA-1 of the text, in hex, by which servers know it. */
  readonly sha: string;

  constructor(
    readonly lua: string,
    /** Whether it only reads, and may be sent to replicas. */
    readonly readOnly = false,
  ) {
    if (typeof lua !== 'string')
      throw new InvalidArgumentError('lua', `A Script needs Lua as text, got ${describeKind(lua)}`);
    markMade(this);
    this.sha = createHash('sha1').update(lua).digest('hex');
  }

  /**
   * Returns the same script, declared as freeing memory: servers run it even when they are full. It begins with
   * `#!lua`.
   */
  freeing(): Script {
    return new Script(this.lua.replace('#!lua', '#!lua flags=allow-oom'));
  }

  /**
   * Returns the same script for calls in which it only reads: servers run it even when they may not write. It
   * begins with `#!lua`.
   */
  reading(): Script {
    return new Script(this.lua.replace('#!lua', '#!lua flags=no-writes'), true);
  }
}
