import { ReplyError } from '../../cluster/common/errors.js';
import { decodeLatin1 } from '../../cluster/protocol/buffer-text.js';
import type { IncomingMessage } from './incoming-message.js';
import { isTransient } from '../../cluster/retry/transient.js';
import { NO_SLOT } from '../../cluster/topology/key-slot.js';
import type { SubscriptionEntry } from './subscription-entry.js';
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

type Entry = SubscriptionEntry<Topic>;

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

/** Sends a command with names, as byte text. Rejects with a ReplyError, or with any other error if the connection is gone. */
export type SendNames = (command: SubscribeWord | UnsubscribeWord, names: readonly string[]) => Promise<void>;

/**
 * The subscriptions of one kind on one connection: compares the topics with the names that the server has. A
 * name has one command in flight at a time, so that each message clearly belongs to the current subscription
 * or to the previous one.
 */
export class SubscriptionSet {
  private readonly entries: Entry[] = [];
  /** The entries without a topic, by the keys of their names. The others are found by their topics. */
  private readonly abandoned = new Map<string, Entry>();
  private unreconciled: Entry[] = [];
  /** The entry of the last message, and the bytes of its name, which compare faster than the characters of its key. */
  private latest: Entry | undefined = undefined;
  private readonly latestName = Buffer.alloc(COMPARED_BYTES);

  constructor(
    private readonly kind: SubscriptionKind,
    /** Returns the topic with this key, on whatever connection it is. */
    private readonly topicNamed: (key: string) => Topic | undefined,
    private readonly send: SendNames,
    private readonly listener: SubscriptionSetListener,
    /** What is put before every name on the server. */
    private readonly prefix: string,
  ) {}

  /** The topics of this set. */
  *topics(): Iterable<Topic> {
    for (const { topic } of this.entries) if (topic !== undefined) yield topic;
  }

  /** Whether there are neither topics nor names on the server. */
  get empty(): boolean {
    return this.entries.length === 0;
  }

  addTopics(topics: readonly Topic[]): void {
    for (let i = 0; i < topics.length; i++) {
      const topic = topics[i];
      const reclaimed = this.abandoned.size === 0 ? undefined : this.reclaim(topic);
      const entry = reclaimed ?? this.addEntry(topic);
      topic.entry = entry;
      this.queue(entry);
    }
  }

  removeTopic({ entry }: Topic): void {
    if (entry?.set !== this) return;
    this.abandon(entry);
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
    if (latest !== undefined && latest.name.key.length === length) {
      let at = 0;
      while (at < length && latestName[at] === bytes[start + at]) at++;
      if (at === length) return latest;
    }
    const entry = this.entryOf(decodeLatin1(bytes, start, end));
    this.latest = length <= COMPARED_BYTES ? entry : undefined;
    for (let at = 0; at < length && at < COMPARED_BYTES; at++) latestName[at] = bytes[start + at];
    return entry;
  }

  /** The server has ended a subscription: subscribes again, here or elsewhere. */
  markDropped(key: string): void {
    const entry = this.entryOf(key) ?? this.abandoned.get(key);
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
    const joining: Entry[] = [];
    const leaving: Entry[] = [];
    const active: Topic[] = [];
    this.divide(joining, leaving, active);
    if (active.length > 0) this.listener.onActive(active);
    for (const batch of this.batches(leaving)) void this.unsubscribeBatch(batch);
    for (const batch of this.batches(joining)) void this.subscribeBatch(batch);
  }

  /** Divides the unreconciled entries by what they need. Short loops of their own are quick to compile. */
  private divide(joining: Entry[], leaving: Entry[], active: Topic[]): void {
    const unreconciled = this.unreconciled;
    this.unreconciled = [];
    for (let i = 0; i < unreconciled.length; i++) {
      const entry = unreconciled[i];
      const { topic, presence } = entry;
      entry.queued = false;
      if (presence === 'absent') {
        if (topic === undefined) this.forget(entry);
        else joining.push(entry);
      } else if (presence === 'present') {
        if (topic === undefined) leaving.push(entry);
        else active.push(topic);
      }
    }
  }

  private queue(entry: Entry): void {
    if (entry.queued) return;
    entry.queued = true;
    this.unreconciled.push(entry);
  }

  private addEntry(topic: Topic): Entry {
    const entry: Entry = {
      name: topic.name,
      slot: KINDS[this.kind].slotwise ? topic.slot : NO_SLOT,
      set: this,
      index: this.entries.length,
      topic,
      presence: 'absent',
      queued: false,
      alone: false,
    };
    this.entries.push(entry);
    return entry;
  }

  /** Gives a topic the entry of an earlier one of its name, if the server still has that. */
  private reclaim(topic: Topic): Entry | undefined {
    const { key } = topic.name;
    const entry = this.abandoned.get(key);
    if (entry === undefined) return undefined;
    this.abandoned.delete(key);
    entry.topic = topic;
    return entry;
  }

  /** Returns the entry of the topic with this key, if the topic is here. */
  private entryOf(key: string): Entry | undefined {
    const entry = this.topicNamed(key)?.entry;
    return entry?.set === this ? entry : undefined;
  }

  /** Takes an entry from its topic. */
  private abandon(entry: Entry): void {
    if (entry.topic !== undefined) entry.topic.entry = undefined;
    entry.topic = undefined;
    this.abandoned.set(entry.name.key, entry);
  }

  /** Removes an entry without a topic. The last one takes its place. */
  private forget(entry: Entry): void {
    this.abandoned.delete(entry.name.key);
    const last = this.entries.pop() as Entry;
    if (last !== entry) {
      this.entries[entry.index] = last;
      last.index = entry.index;
    }
    if (this.latest === entry) this.latest = undefined;
  }

  private async subscribeBatch(batch: Entry[]): Promise<void> {
    const error = await this.trySend(KINDS[this.kind].subscribe, batch, 'joining');
    if (error === undefined) this.settle(batch, 'present');
    else if (error instanceof ReplyError) this.handleRefusal(batch, error);
  }

  private async unsubscribeBatch(batch: Entry[]): Promise<void> {
    const error = await this.trySend(KINDS[this.kind].unsubscribe, batch, 'leaving');
    // a server that rejects it does not have the name: the slot has moved
    if (error === undefined || error instanceof ReplyError) this.settle(batch, 'absent');
  }

  private settle(batch: readonly Entry[], presence: 'present' | 'absent'): void {
    const active: Topic[] = [];
    for (let i = 0; i < batch.length; i++) {
      const entry = batch[i];
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
      this.abandon(entry);
    }
    this.listener.onRefused(topics, error);
    this.listener.onUnreconciled();
  }

  /** Sends a command; returns the error instead of throwing it. @param presence of the names meanwhile */
  private async trySend(
    command: SubscribeWord | UnsubscribeWord,
    batch: readonly Entry[],
    presence: 'joining' | 'leaving',
  ): Promise<unknown> {
    try {
      await this.send(command, this.namesOf(batch, presence));
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Returns the names on the server, and records their presence. */
  private namesOf(batch: readonly Entry[], presence: 'joining' | 'leaving'): string[] {
    const names: string[] = [];
    for (let i = 0; i < batch.length; i++) {
      batch[i].presence = presence;
      names.push(this.prefix + batch[i].name.key);
    }
    return names;
  }

  /** Divides entries into those that one command can name. */
  private batches(entries: readonly Entry[]): Entry[][] {
    const ordered = KINDS[this.kind].slotwise ? entries.toSorted((a, b) => a.slot - b.slot) : entries;
    const batches: Entry[][] = [];
    let start = 0;
    let bytes = 0;
    for (let i = 0; i < ordered.length; i++) {
      const { slot, alone, name } = ordered[i];
      const full = i - start === BATCH_NAMES || bytes + name.key.length > BATCH_BYTES;
      if (i > start && (full || alone || ordered[i - 1].alone || slot !== ordered[i - 1].slot)) {
        batches.push(ordered.slice(start, i));
        start = i;
        bytes = 0;
      }
      bytes += name.key.length;
    }
    if (start < ordered.length) batches.push(ordered.slice(start));
    return batches;
  }
}
