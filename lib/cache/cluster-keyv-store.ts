import { EventEmitter } from 'node:events';
import type { KeyvStoreAdapter, StoredData } from 'keyv';
import { ClusterClient } from '../client/cluster-client.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { notOurs } from '../cluster/common/package-copies.js';
import { escapeGlob } from './escape-glob.js';

/** How a store writes its keys. */
export interface ClusterKeyvStoreOptions {
  /** Begins every key at the servers, before Keyv's namespace. No braces. Default `cache:`. */
  prefix?: string | undefined;
}

/** How many keys `clear()` deletes, and the iterator reads, at a time. */
const PAGE = 250;

/** What Keyv sets: what its serializer made of a value, and how long it stays, in ms. */
type Entry = { key: string; value: unknown; ttl?: number };

/**
 * Storage of Keyv 5, and so of `@nestjs/cache-manager`, in a cluster. Keys spread over all nodes; calls for many keys
 * leave in one batch a node, and are not atomic. It uses the client it is given, and never closes it.
 */
export class ClusterKeyvStore extends EventEmitter implements KeyvStoreAdapter {
  /** Set by Keyv, which begins keys with it. */
  namespace: string | undefined = undefined;
  /** Keyv asks for `dialect` to know whether it may iterate. */
  readonly opts: { readonly dialect: 'redis'; readonly url: string } = { dialect: 'redis', url: '' };
  declare private readonly cluster: ClusterClient;
  private readonly prefix: string;

  /** @throws InvalidArgumentError for what is no client, or a prefix with braces */
  constructor(cluster: ClusterClient, options: ClusterKeyvStoreOptions = {}) {
    super();
    if (!(cluster instanceof ClusterClient))
      throw new InvalidArgumentError('cluster', notOurs(cluster, 'The store needs a ClusterClient'));
    this.prefix = checkOptions(options).prefix ?? 'cache:';
    Object.defineProperty(this, 'cluster', { value: cluster.withPlainReplies(), enumerable: false });
  }

  /** The value of a key; undefined where there is none. */
  async get<Value>(key: string): Promise<StoredData<Value> | undefined> {
    return ((await this.cluster.get(this.keyOf(key))) ?? undefined) as StoredData<Value> | undefined;
  }

  /** The values of the keys, in their order. */
  async getMany<Value>(keys: string[]): Promise<StoredData<Value | undefined>[]> {
    if (keys.length === 0) return [];
    const values = await this.cluster.nonAtomic.mget(keys.map((key) => this.keyOf(key)));
    return values.map((value) => (value ?? undefined) as StoredData<Value | undefined>);
  }

  /** @param ttl in ms; left out, the key stays. @throws InvalidArgumentError for a ttl that is no number above 0 */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    await this.cluster.set(...this.setting({ key, value, ttl }));
    return true;
  }

  /** Sets each for itself, and says of each whether it was set. */
  async setMany(entries: Entry[]): Promise<void> {
    const pipeline = this.cluster.pipeline();
    for (const entry of entries) pipeline.set(...this.setting(entry));
    const results = await pipeline.exec();
    const failure = results.find(([error]) => error !== null)?.[0];
    if (failure) throw failure;
    // Keyv's type says void, and its code hands these on as its answer
    return entries.map(() => true) as unknown as void;
  }

  /** Whether there was such a key. */
  async delete(key: string): Promise<boolean> {
    return (await this.cluster.unlink(this.keyOf(key))) > 0;
  }

  /** Whether there was any of the keys. */
  async deleteMany(keys: string[]): Promise<boolean> {
    return keys.length > 0 && (await this.cluster.unlink(keys.map((key) => this.keyOf(key)))) > 0;
  }

  /** Whether there is a value, and it has not expired. */
  async has(key: string): Promise<boolean> {
    return (await this.cluster.exists(this.keyOf(key))) > 0;
  }

  /** The same for several keys, in their order. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.has(key)));
  }

  /**
   * Deletes the keys of the namespace, or all of the store if there is none, on every node. Keyv writes a key as
   * `namespace:key`, so a namespace contains those whose names continue it after a colon: clearing `a` clears `a:b`.
   */
  async clear(): Promise<void> {
    for await (const keys of this.pages(this.namespace))
      await this.cluster.unlink(keys.map((key) => this.keyOf(key)));
  }

  /** Keys and values of a namespace, from all over the cluster. A key may come more than once. */
  async *iterator<Value>(namespace?: string): AsyncGenerator<(string | Awaited<Value> | undefined)[], void> {
    for await (const keys of this.pages(namespace)) {
      const values = await this.getMany<Awaited<Value>>(keys);
      for (const [i, value] of values.entries()) {
        // it has expired meanwhile
        if (value === undefined) continue;
        yield [keys[i], value as Awaited<Value>];
      }
    }
  }

  /** Nothing: the client is its owner's, who closes it. */
  async disconnect(): Promise<void> {}

  private keyOf(key: string): string {
    return this.prefix + key;
  }

  private setting({ key, value, ttl }: Entry): [key: string, value: string, ...ttl: []] {
    const given = [this.keyOf(key), value as string] as unknown as [string, string];
    if (ttl === undefined) return given;
    if (typeof ttl !== 'number' || !(ttl > 0) || ttl === Infinity)
      throw new InvalidArgumentError('ttl', 'A ttl is a number of milliseconds above 0');
    // less than a millisecond is not nothing
    return [...given, 'PX', Math.ceil(ttl)] as unknown as [string, string];
  }

  /** Keys of a namespace as Keyv knows them. Servers know them by the prefix of the client and that of the store. */
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

function checkOptions(options: ClusterKeyvStoreOptions): ClusterKeyvStoreOptions {
  if (typeof options !== 'object' || options === null)
    throw new InvalidArgumentError('options', 'The options of the store are an object, such as { prefix }');
  const unknown = Object.keys(options).find((name) => name !== 'prefix');
  if (unknown !== undefined)
    throw new InvalidArgumentError(unknown, `Unknown option ${unknown}; known is prefix`);
  const { prefix } = options;
  // braces would put all keys into one slot, and so on one node
  if (prefix !== undefined && (typeof prefix !== 'string' || /[{}]/.test(prefix)))
    throw new InvalidArgumentError('prefix', 'Option prefix must be a string without braces');
  return options;
}
