import { escapeGlob } from '../../cluster/common/escape-glob.js';
import { Script } from '../../cluster/scripts/script.js';
import type { EntityClient } from '../common/entity-client.js';

/** A key as the server sees it, that is with the client's prefix before it. */
const KEY_SCRIPT = new Script(
  String.raw`#!lua flags=no-writes
return KEYS[1]`,
  true,
);

/** Keys that a server looks at in one step of a walk. */
const STEP = 1_000;

/** Walks over keys of the whole cluster by their pattern. */
export class KeyWalker {
  private known: Promise<string> | undefined;

  constructor(private readonly client: EntityClient) {}

  /**
   * The keys of a pattern that also match an expression, each without the client's prefix. One that is there
   * throughout is given, now and then twice.
   *
   * @param pattern a glob, which begins with the brace of a hash tag.
   * @param exact what the keys must match as a whole; a glob says it by half only.
   */
  async *keys(pattern: string, type: string, exact: RegExp): AsyncGenerator<string, void, undefined> {
    const prefix = await this.prefix();
    const match = escapeGlob(prefix) + pattern;
    for await (const key of this.client.scanIterator({ match, type, count: STEP })) {
      const own = key.slice(prefix.length);
      if (exact.test(own)) yield own;
    }
  }

  /** What the client puts before every key. */
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
      this.known = undefined; // the next walk asks again
      throw error;
    }
  }
}
