import { randomBytes } from 'node:crypto';
import type { ClusterClientOptions } from '../client/client-options.js';
import { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';

/** How many keys are deleted with one call. */
const UNLINKED_AT_ONCE = 1_000;

/**
 * A key space of its own on a shared cluster: every key of a client with these {@link clientOptions} starts
 * with a unique prefix. Channels, functions and settings are shared with the other users of the cluster.
 */
export class TestKeyspace {
  /** The prefix of every key. */
  readonly prefix: string;
  /** Options for a `ClusterClient` that works in this key space. */
  readonly clientOptions: ClusterClientOptions;

  /**
   * @param options the options of a client. Without `nodes`, the nodes are those of `REDIS_CLUSTER_NODES`. A
   *   `keyPrefix` is added after that of the key space.
   * @throws InvalidArgumentError if no cluster is given
   */
  constructor(options: ClusterClientOptions = {}) {
    this.prefix = `test-${randomBytes(6).toString('hex')}:`;
    const nodes = options.nodes ?? nodesFromEnvironment();
    if (nodes.length === 0) {
      throw new InvalidArgumentError(
        'nodes',
        'There is no cluster to test against. Pass its nodes, set REDIS_CLUSTER_NODES, or let ' +
          'keyslot/testing/global-setup start one.',
      );
    }
    this.clientOptions = { ...options, nodes, keyPrefix: `${this.prefix}${options.keyPrefix ?? ''}` };
    // printing this must not show a password
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
