import { ReplyError } from '../../cluster/common/errors.js';
import { isTransient } from '../../cluster/retry/transient.js';
import type { ChannelName } from './cluster-message.js';
import {
  KINDS,
  type SubscribeWord,
  type SubscriptionKind,
  type UnsubscribeWord,
} from './subscription-kind.js';
import type { Topic } from './topic.js';

/** Names of one command at most, and their bytes. */
const BATCH_NAMES = 1_000;
const BATCH_BYTES = 256 * 1024;

/**
 * What the server has of a name on this connection:
 * - `absent`, `present`: settled
 * - `joining`, `leaving`: a command is under way
 */
type Presence = 'absent' | 'joining' | 'present' | 'leaving';

interface Entry {
  readonly key: string;
  /** As the server knows it. */
  readonly name: ChannelName;
  readonly slot: number;
  /** Who wants it; undefined where nobody does. */
  topic: Topic | undefined;
  presence: Presence;
  /** A command it shared with others was refused, so the next one is its own. */
  alone: boolean;
}

/** What a set of subscriptions tells. */
export interface SubscriptionSetListener {
  /** There is something to reconcile. */
  onUnreconciled(): void;
  /** The server has confirmed these. */
  onActive(topics: readonly Topic[]): void;
  /** The server does not serve it any more; it is asked for it again. */
  onDropped(topic: Topic): void;
  /** The server will not have these, on this node or at all. */
  onRefused(topics: readonly Topic[], error: ReplyError): void;
}

/** Sends a command with names. Rejects with a ReplyError, or with anything else where the connection is gone. */
export type SendNames = (command: SubscribeWord | UnsubscribeWord, names: ChannelName[]) => Promise<void>;

/**
 * The subscriptions of one kind on one connection: what is wanted against what the server has. A name has one command
 * under way at a time, so that a message can always be told to belong to the subscription of now or of before.
 */
export class SubscriptionSet {
  private readonly entries = new Map<string, Entry>();
  private unreconciled = new Set<Entry>();

  constructor(
    private readonly kind: SubscriptionKind,
    private readonly send: SendNames,
    private readonly listener: SubscriptionSetListener,
  ) {}

  /** The topics that are wanted here. */
  *topics(): Iterable<Topic> {
    for (const { topic } of this.entries.values()) if (topic !== undefined) yield topic;
  }

  /** Nothing is wanted, and nothing is there. */
  get empty(): boolean {
    return this.entries.size === 0;
  }

  addTopic(topic: Topic): void {
    const { key, given } = topic.name;
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = {
        key,
        name: prefixed(KINDS[this.kind].prefix, given),
        slot: topic.slot,
        topic,
        presence: 'absent',
        alone: false,
      };
      this.entries.set(key, entry);
    }
    entry.topic = topic;
    this.unreconciled.add(entry);
  }

  removeTopic(topic: Topic): void {
    const entry = this.entries.get(topic.name.key);
    if (entry?.topic !== topic) return;
    entry.topic = undefined;
    this.unreconciled.add(entry);
  }

  /** Hands a message to whom it is for. */
  deliver(key: string, channel: Buffer, payload: Buffer): void {
    const entry = this.entries.get(key);
    // while a name is given up, what comes is for those who have gone
    if (entry !== undefined && entry.presence !== 'leaving') entry.topic?.deliver(channel, payload);
  }

  /** The server has dropped a name that is wanted: it is to be had again, here or elsewhere. */
  markDropped(key: string): void {
    const entry = this.entries.get(key);
    // of a name that is given up, nothing is left to lose
    if (entry === undefined || entry.presence === 'absent' || entry.presence === 'leaving') return;
    entry.presence = 'absent';
    this.unreconciled.add(entry);
    if (entry.topic !== undefined) this.listener.onDropped(entry.topic);
    this.listener.onUnreconciled();
  }

  /** Sends what it takes to have at the server what is wanted. */
  reconcile(): void {
    const unreconciled = this.unreconciled;
    this.unreconciled = new Set();
    const joining: Entry[] = [];
    const leaving: Entry[] = [];
    const active: Topic[] = [];
    for (const entry of unreconciled) {
      const { topic, presence } = entry;
      if (topic !== undefined && presence === 'absent') joining.push(entry);
      else if (topic === undefined && presence === 'present') leaving.push(entry);
      else if (topic === undefined && presence === 'absent') this.entries.delete(entry.key);
      else if (topic !== undefined && presence === 'present') active.push(topic);
    }
    if (active.length > 0) this.listener.onActive(active);
    for (const batch of this.batches(leaving)) void this.unsubscribeBatch(batch);
    for (const batch of this.batches(joining)) void this.subscribeBatch(batch);
  }

  private async subscribeBatch(batch: Entry[]): Promise<void> {
    for (const entry of batch) entry.presence = 'joining';
    const error = await this.trySend(KINDS[this.kind].subscribe, batch);
    // a name may have been dropped since it was confirmed, a moment ago
    if (error === undefined)
      this.settle(
        batch.filter(({ presence }) => presence === 'joining'),
        'present',
      );
    else if (error instanceof ReplyError) this.handleRefusal(batch, error);
  }

  private async unsubscribeBatch(batch: Entry[]): Promise<void> {
    for (const entry of batch) entry.presence = 'leaving';
    const error = await this.trySend(KINDS[this.kind].unsubscribe, batch);
    // a server that refuses has not got it: the slot has moved
    if (error === undefined || error instanceof ReplyError) this.settle(batch, 'absent');
  }

  private settle(batch: readonly Entry[], presence: Presence): void {
    for (const entry of batch) {
      entry.presence = presence;
      entry.alone = false;
      this.unreconciled.add(entry);
    }
    this.listener.onUnreconciled();
  }

  private handleRefusal(batch: readonly Entry[], error: ReplyError): void {
    // where one of many names is not allowed, the server refuses all
    const split = batch.length > 1 && !isTransient(error);
    const topics: Topic[] = [];
    for (const entry of batch) {
      entry.presence = 'absent';
      entry.alone = split;
      this.unreconciled.add(entry);
      if (split || entry.topic === undefined) continue;
      topics.push(entry.topic);
      entry.topic = undefined;
    }
    this.listener.onRefused(topics, error);
    this.listener.onUnreconciled();
  }

  /** What went wrong, if something did. */
  private async trySend(command: SubscribeWord | UnsubscribeWord, batch: readonly Entry[]): Promise<unknown> {
    try {
      await this.send(
        command,
        batch.map((entry) => entry.name),
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
      const [last] = batch.slice(-1);
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
