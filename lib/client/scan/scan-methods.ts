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
import { scanKey, type KeyScanCommand } from './scan-key.js';
import { scanStream, type ScanStream } from './scan-stream.js';

/** What a walk gives one by one. */
export type Walk<T> = AsyncGenerator<T, void, undefined>;

/** Walks over the keys of the cluster, and over the elements of one key. The Buffer forms give every byte as it is. */
export abstract class ScanMethods {
  constructor(
    protected readonly engine: ClusterEngine,
    protected readonly policy: ViewPolicy,
  ) {}

  /**
   * All keys of the cluster, one by one. A key that exists throughout is given, at least once, also while slots
   * move and nodes fail over; but for migrations that are begun and given up meanwhile.
   */
  scanIterator(options: KeyScanOptions = {}): Walk<string> {
    return each(this.keyPages(options));
  }

  /** The same, keys as Buffers. */
  scanBufferIterator(options: KeyScanOptions = {}): Walk<Buffer> {
    return each(this.keyBufferPages(options));
  }

  /** The fields of a hash with their values. */
  hscanIterator(key: string | Buffer, options: ScanOptions = {}): Walk<[field: string, value: string]> {
    return pairs(this.pages('hscan', key, options));
  }

  /** The same, as Buffers. */
  hscanBufferIterator(key: string | Buffer, options: ScanOptions = {}): Walk<[field: Buffer, value: Buffer]> {
    return pairs(this.elementPages('hscan', key, options));
  }

  /** The members of a set. */
  sscanIterator(key: string | Buffer, options: ScanOptions = {}): Walk<string> {
    return each(this.pages('sscan', key, options));
  }

  /** The same, as Buffers. */
  sscanBufferIterator(key: string | Buffer, options: ScanOptions = {}): Walk<Buffer> {
    return each(this.elementPages('sscan', key, options));
  }

  /** The members of a sorted set with their scores, as text. */
  zscanIterator(key: string | Buffer, options: ScanOptions = {}): Walk<[member: string, score: string]> {
    return pairs(this.pages('zscan', key, options));
  }

  /** The same, as Buffers. */
  zscanBufferIterator(
    key: string | Buffer,
    options: ScanOptions = {},
  ): Walk<[member: Buffer, score: Buffer]> {
    return pairs(this.elementPages('zscan', key, options));
  }

  /** As ioredis' stream of the same name: each `data` is a page of keys, from all over the cluster. */
  scanStream(options: KeyScanOptions = {}): ScanStream {
    return scanStream(this.keyPages(options));
  }

  /** The same, keys as Buffers. */
  scanBufferStream(options: KeyScanOptions = {}): ScanStream {
    return scanStream(this.keyBufferPages(options));
  }

  /** As ioredis' stream of the same name: each `data` is a page of fields and values in turn. */
  hscanStream(key: string | Buffer, options: ScanOptions = {}): ScanStream {
    return scanStream(this.pages('hscan', key, options));
  }

  /** The same, as Buffers. */
  hscanBufferStream(key: string | Buffer, options: ScanOptions = {}): ScanStream {
    return scanStream(this.elementPages('hscan', key, options));
  }

  /** As ioredis' stream of the same name: each `data` is a page of members. */
  sscanStream(key: string | Buffer, options: ScanOptions = {}): ScanStream {
    return scanStream(this.pages('sscan', key, options));
  }

  /** The same, as Buffers. */
  sscanBufferStream(key: string | Buffer, options: ScanOptions = {}): ScanStream {
    return scanStream(this.elementPages('sscan', key, options));
  }

  /** As ioredis' stream of the same name: each `data` is a page of members and scores in turn. */
  zscanStream(key: string | Buffer, options: ScanOptions = {}): ScanStream {
    return scanStream(this.pages('zscan', key, options));
  }

  /** The same, as Buffers. */
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
    // it counts with what it is told of slots
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

  /** SCAN of the whole cluster: the page at a cursor of ours. */
  protected async scanPage(
    given: unknown[],
    buffers: boolean,
  ): Promise<[cursor: string | Buffer, keys: (string | Buffer)[]]> {
    const [cursor, ...words] = normalizeArguments('scan', given);
    const { keys, next } = await scanPageOfCluster(this.scanSource(), words, readCursor(cursor));
    return buffers ? [Buffer.from(writeCursor(next)), keys] : [writeCursor(next), keys.map(String)];
  }

  private pages(command: KeyScanCommand, key: string | Buffer, options: ScanOptions): Walk<string[]> {
    return scanKey<string>(this.telling({ buffers: false }), command, key, options);
  }

  /** @internal The elements of one key, page by page, as bytes. */
  elementPages(command: KeyScanCommand, key: string | Buffer, options: ScanOptions): Walk<Buffer[]> {
    return scanKey<Buffer>(this.telling({ buffers: true }), command, key, options);
  }

  private telling(shape: CallShape) {
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
