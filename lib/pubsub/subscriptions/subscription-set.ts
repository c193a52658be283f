import { ReplyError } from '../../cluster/common/errors.js';
import { decodeLatin1 } from '../../cluster/protocol/buffer-text.js';
import type { IncomingMessage } from './incoming-message.js';
import { isTransient } from '../../cluster/retry/transient.js';
import type { ChannelName } from './cluster-message.js';
import {
  KINDS,
  type SubscribeWord,
  type SubscriptionKind,
  type UnsubscribeWord,
} from './subscription-kind.js';
import type { Topic } from './topic.js';

/** The most names of one command, and the most bytes. */
const BATCH_NAMES = 1_000;
const BATCH_BYTES = 256 * 1024;
/** Names up to this length, in bytes, are compared with that of the message before. */
const COMPARED_BYTES = 128;

/**
 * The state of a name on the server:
 * - `absent`, `present`: settled
 * - `joining`, `leaving`: a command is in flight
 * - `dropped`: the command in flight was confirmed, and the server has ended the subscription again
 */
type Presence = 'absent' | 'joining' | 'dropped' | 'present' | 'leaving';

interface Entry {
  readonly key: string;
  /** The name on the server, with its prefix. */
  readonly name: ChannelName;
  readonly slot: number;
  /** The topic that needs the name; undefined if none does. */
  topic: Topic | undefined;
  presence: Presence;
  /** Whether `reconcile()` has it on its list. */
  queued: boolean;
  /** The server rejected a command for several names, so this name is sent alone next. */
  alone: boolean;
}

/** The callbacks of a set of subscriptions. */
export interface SubscriptionSetListener {
  /** `reconcile()` has something to do. */
  onUnreconciled(): void;
  /** The server has confirmed these. */
  onActive(topics: readonly Topic[]): void;
  /** The server has ended the subscription; the set subscribes again. */
  onDropped(topic: Topic): void;
  /** The server rejects these topics, on this node or everywhere. */
  onRefused(topics: readonly Topic[], error: ReplyError): void;
}

/**
 * Sends a command with names, which are also given as byte text. Rejects with a ReplyError, or with any other error
 * if the connection is gone.
 */
export type SendNames = (
  command: SubscribeWord | UnsubscribeWord,
  names: readonly ChannelName[],
  texts: readonly string[],
) => Promise<void>;

/**
 * The subscriptions of one kind on one connection: compares the topics with the names that the server has. A
 * name has one command in flight at a time, so that each message clearly belongs to the current subscription
 * or to the previous one.
 */
export class SubscriptionSet {
  private readonly entries = new Map<string, Entry>();
  private unreconciled: Entry[] = [];
  /** The entry of the last message, and the bytes of its name, which compare faster than the characters of its key. */
  private latest: Entry | undefined = undefined;
  private readonly latestName = Buffer.alloc(COMPARED_BYTES);

  constructor(
    private readonly kind: SubscriptionKind,
    private readonly send: SendNames,
    private readonly listener: SubscriptionSetListener,
    /** What is put before every name on the server. */
    private readonly prefix: string,
  ) {}

  /** The topics of this set. */
  *topics(): Iterable<Topic> {
    for (const { topic } of this.entries.values()) if (topic !== undefined) yield topic;
  }

  /** Whether there are neither topics nor names on the server. */
  get empty(): boolean {
    return this.entries.size === 0;
  }

  addTopic(topic: Topic): void {
    const { key, given } = topic.name;
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = {
        key,
        name: prefixed(this.prefix, given),
        slot: topic.slot,
        topic,
        presence: 'absent',
        queued: false,
        alone: false,
      };
      this.entries.set(key, entry);
    }
    entry.topic = topic;
    this.queue(entry);
  }

  removeTopic(topic: Topic): void {
    const entry = this.entries.get(topic.name.key);
    if (entry?.topic !== topic) return;
    entry.topic = undefined;
    this.queue(entry);
  }

  /** Delivers a message to its topic. @param bytes contain its name between `start` and `end` */
  deliver(bytes: Buffer, start: number, end: number, message: IncomingMessage): void {
    const entry = this.entryNamed(bytes, start, end);
    // while a name is leaving, its messages are for sinks that have gone
    if (entry !== undefined && entry.presence !== 'leaving') entry.topic?.deliver(message);
  }

  /** Messages of one channel often follow each other, and comparing is cheaper than decoding. */
  private entryNamed(bytes: Buffer, start: number, end: number): Entry | undefined {
    const { latest, latestName } = this;
    const length = end - start;
    if (latest !== undefined && latest.key.length === length) {
      let at = 0;
      while (at < length && latestName[at] === bytes[start + at]) at++;
      if (at === length) return latest;
    }
    const entry = this.entries.get(decodeLatin1(bytes, start, end));
    this.latest = length <= COMPARED_BYTES ? entry : undefined;
    for (let at = 0; at < length && at < COMPARED_BYTES; at++) latestName[at] = bytes[start + at];
    return entry;
  }

  /** The server has ended a subscription: subscribes again, here or elsewhere. */
  markDropped(key: string): void {
    const entry = this.entries.get(key);
    // a name that is leaving has nothing to lose
    if (entry === undefined || (entry.presence !== 'joining' && entry.presence !== 'present')) return;
    if (entry.presence === 'present') {
      entry.presence = 'absent';
      this.queue(entry);
    } else entry.presence = 'dropped'; // subscribed to again when its command is settled
    if (entry.topic !== undefined) this.listener.onDropped(entry.topic);
    this.listener.onUnreconciled();
  }

  /** Sends the commands that bring the server in line with the topics. */
  reconcile(): void {
    const unreconciled = this.unreconciled;
    this.unreconciled = [];
    const joining: Entry[] = [];
    const leaving: Entry[] = [];
    const active: Topic[] = [];
    for (const entry of unreconciled) {
      const { topic, presence } = entry;
      entry.queued = false;
      if (topic !== undefined && presence === 'absent') joining.push(entry);
      else if (topic === undefined && presence === 'present') leaving.push(entry);
      else if (topic === undefined && presence === 'absent') this.forget(entry);
      else if (topic !== undefined && presence === 'present') active.push(topic);
    }
    if (active.length > 0) this.listener.onActive(active);
    for (const batch of this.batches(leaving)) void this.unsubscribeBatch(batch);
    for (const batch of this.batches(joining)) void this.subscribeBatch(batch);
  }

  private queue(entry: Entry): void {
    if (entry.queued) return;
    entry.queued = true;
    this.unreconciled.push(entry);
  }

  private forget(entry: Entry): void {
    this.entries.delete(entry.key);
    if (this.latest === entry) this.latest = undefined;
  }

  private async subscribeBatch(batch: Entry[]): Promise<void> {
    for (const entry of batch) entry.presence = 'joining';
    const error = await this.trySend(KINDS[this.kind].subscribe, batch);
    if (error === undefined) this.settle(batch, 'present');
    else if (error instanceof ReplyError) this.handleRefusal(batch, error);
  }

  private async unsubscribeBatch(batch: Entry[]): Promise<void> {
    for (const entry of batch) entry.presence = 'leaving';
    const error = await this.trySend(KINDS[this.kind].unsubscribe, batch);
    // a server that rejects it does not have the name: the slot has moved
    if (error === undefined || error instanceof ReplyError) this.settle(batch, 'absent');
  }

  private settle(batch: readonly Entry[], presence: 'present' | 'absent'): void {
    const active: Topic[] = [];
    for (const entry of batch) {
      entry.presence = entry.presence === 'dropped' ? 'absent' : presence;
      entry.alone = false;
      if (entry.presence === 'present' && entry.topic !== undefined) active.push(entry.topic);
      else this.queue(entry);
    }
    if (active.length > 0) this.listener.onActive(active);
    if (this.unreconciled.length > 0) this.listener.onUnreconciled();
  }

  private handleRefusal(batch: readonly Entry[], error: ReplyError): void {
    // if one of several names is forbidden, the server rejects them all
    const split = batch.length > 1 && !isTransient(error);
    const topics: Topic[] = [];
    for (const entry of batch) {
      entry.presence = 'absent';
      entry.alone = split;
      this.queue(entry);
      if (split || entry.topic === undefined) continue;
      topics.push(entry.topic);
      entry.topic = undefined;
    }
    this.listener.onRefused(topics, error);
    this.listener.onUnreconciled();
  }

  /** Sends a command; returns the error instead of throwing it. */
  private async trySend(command: SubscribeWord | UnsubscribeWord, batch: readonly Entry[]): Promise<unknown> {
    try {
      await this.send(
        command,
        batch.map(({ name }) => name),
        batch.map(({ key }) => this.prefix + key),
      );
      return undefined;
    } catch (error) {
      return error;
    }
  }

  private *batches(entries: readonly Entry[]): Iterable<Entry[]> {
    const slotwise = KINDS[this.kind].slotwise;
    const ordered = slotwise ? entries.toSorted((a, b) => a.slot - b.slot) : entries;
    let batch: Entry[] = [];
    let bytes = 0;
    for (const entry of ordered) {
      const last = batch.at(-1);
      const fits =
        last === undefined ||
        (!entry.alone &&
          !last.alone &&
          batch.length < BATCH_NAMES &&
          bytes + entry.key.length <= BATCH_BYTES &&
          (!slotwise || entry.slot === last.slot));
      if (!fits) {
        yield batch;
        batch = [];
        bytes = 0;
      }
      batch.push(entry);
      bytes += entry.key.length;
    }
    if (batch.length > 0) yield batch;
  }
}

function prefixed(prefix: string, name: ChannelName): ChannelName {
  return typeof name === 'string' ? prefix + name : Buffer.concat([Buffer.from(prefix), name]);
}
