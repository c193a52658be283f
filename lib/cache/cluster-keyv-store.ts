import { EventEmitter } from 'node:events';
import { checkClient } from '../client/check-client.js';
import type { ClusterClient } from '../client/cluster-client.js';
import { resolveStorePrefix } from '../client/store-prefix.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { describeValue } from '../cluster/common/describe-value.js';
import { escapeGlob } from '../cluster/common/escape-glob.js';

/** Options of `ClusterKeyvStore`. */
export interface ClusterKeyvStoreOptions {
  /** Put before every key in Redis, ahead of Keyv's namespace. Must not contain braces. Default `cache:`. */
  prefix?: string | undefined;
}

/** How many keys `clear()` deletes, or the iterator reads, at a time. */
const PAGE = 250;

/** An entry as Keyv passes it: a serialized value, and its time to live in ms. */
type Entry = { key: string; value: unknown; ttl?: number };

/**
 * A storage adapter for Keyv 5 and 6, and so for `@nestjs/cache-manager`, that stores entries in a cluster. Its
 * keys are distributed over all nodes. Calls for several keys send one batch per node and are not atomic. The
 * store uses the client you pass and never closes it.
 */
export class ClusterKeyvStore extends EventEmitter {
  // not initialized: Keyv 6 would leave it to a store that has this property to put the namespace before its keys
  /** Set by Keyv 5. Keyv 5 and 6 put the namespace before every key. */
  declare namespace: string | undefined;
  /** Keyv reads `dialect` to find out whether it can iterate. */
  readonly opts: { readonly dialect: 'redis'; readonly url: string } = { dialect: 'redis', url: '' };
  declare private readonly cluster: ClusterClient;
  private readonly prefix: string;

  /** @throws InvalidArgumentError if `cluster` is not a ClusterClient, or the prefix contains braces */
  constructor(cluster: ClusterClient, options: ClusterKeyvStoreOptions = {}) {
    super();
    checkClient(cluster, 'cluster', 'ClusterKeyvStore');
    this.prefix = resolveStorePrefix('ClusterKeyvStore', options, 'cache:');
    Object.defineProperty(this, 'cluster', { value: cluster.withPlainReplies(), enumerable: false });
  }

  /** Returns the value of a key as Keyv has serialized it, or undefined if there is none. */
  async get<Value = string>(key: string): Promise<Value | undefined> {
    return ((await this.cluster.get(this.keyOf(key))) ?? undefined) as Value | undefined;
  }

  /** Returns the values of the keys, in order. */
  async getMany<Value = string>(keys: string[]): Promise<(Value | undefined)[]> {
    if (keys.length === 0) return [];
    const values = await this.cluster.nonAtomic.mget(keys.map((key) => this.keyOf(key)));
    return values.map((value) => (value ?? undefined) as Value | undefined);
  }

  /**
   * Stores a value.
   * @param ttl time to live in ms; without it, the key does not expire
   * @throws InvalidArgumentError if `ttl` is not a positive number
   */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    await this.cluster.set(...this.setArguments({ key, value, ttl }));
    return true;
  }

  /**
   * Stores several values, each with its own command.
   * @throws the first error, after all commands have been sent
   */
  async setMany(entries: Entry[]): Promise<void> {
    const pipeline = this.cluster.pipeline();
    for (const entry of entries) pipeline.set(...this.setArguments(entry));
    const results = await pipeline.exec();
    const failure = results.find(([error]) => error !== null)?.[0];
    if (failure) throw failure;
    // Keyv declares void, and returns these results to its caller
    return entries.map(() => true) as unknown as void;
  }

  /** Deletes a key; returns whether it existed. */
  async delete(key: string): Promise<boolean> {
    return (await this.cluster.unlink(this.keyOf(key))) > 0;
  }

  /** Deletes the keys; returns whether any of them existed. */
  async deleteMany(keys: string[]): Promise<boolean> {
    return keys.length > 0 && (await this.cluster.unlink(keys.map((key) => this.keyOf(key)))) > 0;
  }

  /** Returns whether the key exists and has not expired. */
  async has(key: string): Promise<boolean> {
    return (await this.cluster.exists(this.keyOf(key))) > 0;
  }

  /** Returns whether each of the keys exists, in order. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.has(key)));
  }

  /**
   * Deletes the keys of the namespace on every node, or all keys of the store if there is no namespace. Keyv
   * writes a key as `namespace:key`, so a namespace contains the namespaces that extend it after a colon:
   * clearing `a` clears `a:b`.
   */
  async clear(): Promise<void> {
    for await (const keys of this.pages(this.namespace))
      await this.cluster.unlink(keys.map((key) => this.keyOf(key)));
  }

  /** Iterates over the keys and values of a namespace on all nodes. A key may be returned more than once. */
  async *iterator<Value = string>(
    namespace?: string,
  ): AsyncGenerator<(string | Awaited<Value> | undefined)[], void> {
    for await (const keys of this.pages(namespace)) {
      const values = await this.getMany<Awaited<Value>>(keys);
      for (const [i, value] of values.entries()) {
        // it has expired since the scan
        if (value === undefined) continue;
        yield [keys[i], value];
      }
    }
  }

  /** Does nothing: the client belongs to the application, which closes it. */
  async disconnect(): Promise<void> {}

  private keyOf(key: string): string {
    return this.prefix + key;
  }

  private setArguments({ key, value, ttl }: Entry): [key: string, value: string, ...ttl: []] {
    const given = [this.keyOf(key), value as string] as unknown as [string, string];
    if (ttl === undefined) return given;
    if (typeof ttl !== 'number' || !(ttl > 0) || ttl === Infinity)
      throw new InvalidArgumentError(
        'ttl',
        `"ttl" must be a positive number of milliseconds, got ${describeValue(ttl)}`,
      );
    // Redis takes whole milliseconds, of which 0 is an error
    return [...given, 'PX', Math.ceil(ttl)] as unknown as [string, string];
  }

  /** Yields the keys of a namespace without the client's `keyPrefix` and the store's prefix. */
  private async *pages(namespace: string | undefined): AsyncGenerator<string[], void, undefined> {
    const prefix = this.cluster.options.keyPrefix + this.prefix;
    const match = `${escapeGlob(namespace === undefined ? prefix : `${prefix}${namespace}:`)}*`;
    let page: string[] = [];
    for await (const key of this.cluster.scanIterator({ match, count: PAGE })) {
      if (page.push(key.slice(prefix.length)) < PAGE) continue;
      yield page;
      page = [];
    }
    if (page.length > 0) yield page;
  }
}
