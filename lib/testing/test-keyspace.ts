import { randomBytes } from 'node:crypto';
import type { ClusterClientOptions } from '../client/client-options.js';
import { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';

/** Keys that are deleted with one command a slot. */
const UNLINKED_AT_ONCE = 1_000;

/**
 * A key space of its own on a cluster that others use at the same time: every key of a client with these
 * {@link clientOptions} begins with a prefix that nobody else has. Channels, functions and settings are the cluster's.
 */
export class TestKeyspace {
  /** Begins every key. */
  readonly prefix: string;
  /** For a `ClusterClient` that works in this key space. */
  readonly clientOptions: ClusterClientOptions;

  /**
   * @param options of a client: its `nodes`, without which they come from `REDIS_CLUSTER_NODES`, and whatever else it
   *   needs; a `keyPrefix` stands behind that of the key space
   * @throws InvalidArgumentError where no cluster is named
   */
  constructor(options: ClusterClientOptions = {}) {
    this.prefix = `test-${randomBytes(6).toString('hex')}:`;
    const nodes = options.nodes ?? nodesFromEnvironment();
    if (nodes.length === 0) {
      throw new InvalidArgumentError(
        'nodes',
        'There is no cluster to test against: name its nodes, set REDIS_CLUSTER_NODES, or let ' +
          'keyslot/testing/global-setup start one',
      );
    }
    this.clientOptions = { ...options, nodes, keyPrefix: `${this.prefix}${options.keyPrefix ?? ''}` };
    // may contain a password, which must not be printed
    Object.defineProperty(this, 'clientOptions', { enumerable: false });
  }

  /** Deletes all keys of this key space, and no others. @returns how many there were */
  async clear(): Promise<number> {
    const everything = new ClusterClient({ ...this.clientOptions, keyPrefix: '', readFrom: 'primary' });
    try {
      let deleted = 0;
      let keys: Buffer[] = [];
      for await (const key of everything.scanBufferIterator({ match: `${this.prefix}*`, count: 1_000 })) {
        keys.push(key);
        if (keys.length < UNLINKED_AT_ONCE) continue;
        deleted += await everything.unlink(...keys);
        keys = [];
      }
      return keys.length === 0 ? deleted : deleted + (await everything.unlink(...keys));
    } finally {
      await everything.close();
    }
  }
}

function nodesFromEnvironment(): string[] {
  return (process.env.REDIS_CLUSTER_NODES ?? '')
    .split(',')
    .map((node) => node.trim())
    .filter((node) => node !== '');
}
