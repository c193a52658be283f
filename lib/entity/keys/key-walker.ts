import { escapeGlob } from '../../cluster/common/escape-glob.js';
import { Script } from '../../cluster/scripts/script.js';
import type { EntityClient } from '../common/entity-client.js';

/** Returns a key as the server sees it, that is, with the client's prefix. */
const KEY_SCRIPT = new Script(
  String.raw`#!lua flags=no-writes
return KEYS[1]`,
  true,
);

/** The COUNT of each SCAN. */
const STEP = 1_000;

/** Iterates over keys of the whole cluster by pattern. */
export class KeyWalker {
  private known: Promise<string> | undefined;

  constructor(private readonly client: EntityClient) {}

  /**
   * Yields the keys that match a glob and an expression, without the client's prefix. A key that exists throughout is
   * yielded, occasionally twice.
   *
   * @param pattern a glob that begins with the brace of a hash tag.
   * @param exact matches the whole key, because a glob is not precise enough.
   */
  async *keys(pattern: string, type: string, exact: RegExp): AsyncGenerator<string, void, undefined> {
    const prefix = await this.prefix();
    const match = escapeGlob(prefix) + pattern;
    for await (const key of this.client.scanIterator({ match, type, count: STEP })) {
      const own = key.slice(prefix.length);
      if (exact.test(own)) yield own;
    }
  }

  /** Returns the client's key prefix. */
  prefix(): Promise<string> {
    return (this.known ??= this.prefixOfClient());
  }

  private async prefixOfClient(): Promise<string> {
    const key = '{}';
    try {
      const seen = (await this.client
        .with({ retry: 'always', readFrom: 'primary' })
        .runScript(KEY_SCRIPT, [key], [])) as string;
      return seen.slice(0, -key.length);
    } catch (error) {
      this.known = undefined; // the next caller tries again
      throw error;
    }
  }
}
