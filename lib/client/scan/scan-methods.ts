import type { ClusterEngine } from '../../cluster/cluster-engine.js';
import type { CallPolicy, CallShape } from '../../cluster/command/call-policy.js';
import { monotonicMs } from '../../cluster/common/timers.js';
import { normalizeArguments } from '../commands/call-arguments.js';
import type { ViewPolicy } from '../commands/call-options.js';
import { ClusterTarget } from '../target/cluster-target.js';
import { scanPageOfCluster } from './cluster-scan-page.js';
import { scanCluster, type KeyScanOptions, type ScanOptions } from './scan-cluster.js';
import { readCursor, writeCursor } from './scan-cursor.js';
import type { ScanSource } from './scan-source.js';
import { scanKey, type KeyScanCommand, type RunWithNode } from './scan-key.js';
import { scanStream, type ScanStream } from './scan-stream.js';

/** An asynchronous iterator over the results of a walk. */
export type Walk<T> = AsyncGenerator<T, void, undefined>;

/**
 * Walks over the keys of the cluster, and over the elements of one key. The Buffer variants return every byte
 * unchanged.
 */
export abstract class ScanMethods {
  constructor(
    protected readonly engine: ClusterEngine,
    protected readonly policy: ViewPolicy,
  ) {}

  /**
   * Iterates over all keys of the cluster. A key that exists throughout is returned at least once, even while
   * slots move and nodes fail over. The one exception is a migration that is started and cancelled meanwhile.
   */
  scanIterator(options: KeyScanOptions = {}): Walk<string> {
    return each(this.keyPages(options));
  }

  /** Does the same, with keys as Buffers. */
  scanBufferIterator(options: KeyScanOptions = {}): Walk<Buffer> {
    return each(this.keyBufferPages(options));
  }

  /** Iterates over the fields of a hash, with their values. */
  hscanIterator(key: string | Buffer, options: ScanOptions = {}): Walk<[field: string, value: string]> {
    return pairs(this.pages('hscan', key, options));
  }

  /** Does the same, with Buffers. */
  hscanBufferIterator(key: string | Buffer, options: ScanOptions = {}): Walk<[field: Buffer, value: Buffer]> {
    return pairs(this.elementPages('hscan', key, options));
  }

  /** Iterates over the members of a set. */
  sscanIterator(key: string | Buffer, options: ScanOptions = {}): Walk<string> {
    return each(this.pages('sscan', key, options));
  }

  /** Does the same, with Buffers. */
  sscanBufferIterator(key: string | Buffer, options: ScanOptions = {}): Walk<Buffer> {
    return each(this.elementPages('sscan', key, options));
  }

  /** Iterates over the members of a sorted set, with their scores as text. */
  zscanIterator(key: string | Buffer, options: ScanOptions = {}): Walk<[member: string, score: string]> {
    return pairs(this.pages('zscan', key, options));
  }

  /** Does the same, with Buffers. */
  zscanBufferIterator(
    key: string | Buffer,
    options: ScanOptions = {},
  ): Walk<[member: Buffer, score: Buffer]> {
    return pairs(this.elementPages('zscan', key, options));
  }

  /** Returns a stream as in ioredis: each `data` is a page of keys, from all over the cluster. */
  scanStream(options: KeyScanOptions = {}): ScanStream {
    return scanStream(this.keyPages(options));
  }

  /** Does the same, with keys as Buffers. */
  scanBufferStream(options: KeyScanOptions = {}): ScanStream {
    return scanStream(this.keyBufferPages(options));
  }

  /** Returns a stream as in ioredis: each `data` is a page of alternating fields and values. */
  hscanStream(key: string | Buffer, options: ScanOptions = {}): ScanStream {
    return scanStream(this.pages('hscan', key, options));
  }

  /** Does the same, with Buffers. */
  hscanBufferStream(key: string | Buffer, options: ScanOptions = {}): ScanStream {
    return scanStream(this.elementPages('hscan', key, options));
  }

  /** Returns a stream as in ioredis: each `data` is a page of members. */
  sscanStream(key: string | Buffer, options: ScanOptions = {}): ScanStream {
    return scanStream(this.pages('sscan', key, options));
  }

  /** Does the same, with Buffers. */
  sscanBufferStream(key: string | Buffer, options: ScanOptions = {}): ScanStream {
    return scanStream(this.elementPages('sscan', key, options));
  }

  /** Returns a stream as in ioredis: each `data` is a page of alternating members and scores. */
  zscanStream(key: string | Buffer, options: ScanOptions = {}): ScanStream {
    return scanStream(this.pages('zscan', key, options));
  }

  /** Does the same, with Buffers. */
  zscanBufferStream(key: string | Buffer, options: ScanOptions = {}): ScanStream {
    return scanStream(this.elementPages('zscan', key, options));
  }

  private async *keyPages(options: KeyScanOptions): Walk<string[]> {
    for await (const page of this.keyBufferPages(options)) yield page.map(String);
  }

  private keyBufferPages(options: KeyScanOptions): Walk<Buffer[]> {
    return scanCluster(this.scanSource(), options);
  }

  private scanSource(): ScanSource {
    const { engine } = this;
    // the walk computes with slot numbers
    const policy: ViewPolicy = { ...this.policy, integers: 'number', replyTypes: undefined };
    return {
      deadlineMs: policy.deadlineMs,
      topology: async () => {
        await engine.ready('scan', policy, monotonicMs() + policy.deadlineMs);
        return engine.topology;
      },
      refreshTopology: () => engine.refreshTopology(policy),
      reportUnknownNode: () => engine.reportUnknownNode(),
      onNode: (node, name, args) => new ClusterTarget(engine, policy, node).send(name, [...args], true),
    };
  }

  /** Runs SCAN over the whole cluster: returns the page at a cursor of this client. */
  protected async scanPage(
    given: unknown[],
    buffers: boolean,
  ): Promise<[cursor: string | Buffer, keys: (string | Buffer)[]]> {
    const [cursor, ...words] = normalizeArguments('scan', given);
    const { keys, next } = await scanPageOfCluster(this.scanSource(), words, readCursor(cursor));
    return buffers ? [Buffer.from(writeCursor(next)), keys] : [writeCursor(next), keys.map(String)];
  }

  private pages(command: KeyScanCommand, key: string | Buffer, options: ScanOptions): Walk<string[]> {
    return scanKey<string>(this.runnerOf({ buffers: false }), command, key, options);
  }

  /** @internal Returns the elements of one key, page by page, as bytes. */
  elementPages(command: KeyScanCommand, key: string | Buffer, options: ScanOptions): Walk<Buffer[]> {
    return scanKey<Buffer>(this.runnerOf({ buffers: true }), command, key, options);
  }

  private runnerOf(shape: CallShape): RunWithNode {
    const policy: CallPolicy = { ...this.policy, readFrom: 'primary' };
    return (name: string, args: (string | Buffer)[]) =>
      this.engine.runner.runWithNode(name, normalizeArguments(name, args), policy, shape);
  }
}

async function* each<T>(pages: AsyncIterable<T[]>): Walk<T> {
  for await (const page of pages) yield* page;
}

async function* pairs<T>(pages: AsyncIterable<T[]>): Walk<[T, T]> {
  for await (const page of pages) {
    for (let i = 0; i + 1 < page.length; i += 2) yield [page[i], page[i + 1]];
  }
}
