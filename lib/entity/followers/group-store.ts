import { ClusterError } from '../../cluster/common/errors.js';
import type { Stored } from '../codec/codec.js';
import type { EntityClient } from '../common/entity-client.js';
import { deadLettersKey, groupKey, outboxKey, progressKey } from '../keys/outbox-key.js';
import { PROGRESS_FIELDS } from '../keys/stored-names.js';
import { type OutboxEntry, entriesIn } from '../changes/outbox-entry.js';
import type { FollowerStep } from '../operations/row-operation.js';
import { ScriptCaller } from '../scripts/script-caller.js';
import {
  BEGIN_SCRIPT,
  BEGUN_SCRIPT,
  DEAD_LETTERS_SCRIPT,
  LEAVE_SCRIPT,
  MEMBER_SCRIPT,
  MOVE_SCRIPT,
  NOTE_SCRIPT,
  PROGRESS_SCRIPT,
} from './follower-scripts.js';

/** The slots are handed out in shares, so that a group needs one key for all of them. */
export const SHARES = 64;

/** Returns the share of a slot. Neighbors are in different shares, as the partitions of a busy node may be. */
export const shareOf = (slot: number): number => slot % SHARES;

/** The maximum number of entries per reply. */
export const BATCH = 100;

/** How long to try to leave a group, in milliseconds. */
const LEAVE_MS = 2_000;

/** What a member reports. */
export interface MemberReport {
  readonly leaseMs: number;
  /** The shares that it gives up. */
  readonly givenUp: readonly number[];
  /** Whether it takes no more shares. */
  readonly isLeaving: boolean;
  readonly deadlineMs: number;
}

/** What a member learns when it reports. */
export interface Membership {
  /** Where the group began; undefined if it has not. */
  readonly begun?: 'now' | 'start';
  /** Whether this member is to begin the group. */
  readonly isBeginner: boolean;
  /** How many shares each member is to have at most. */
  readonly fair: number;
  /** Until when it is alive if it does not report again, in milliseconds since 1970, by the clock of the server. */
  readonly aliveUntil: number;
  /** Its shares, and whether the member that had a share before has vanished. */
  readonly shares: ReadonlyMap<number, boolean>;
}

/** Entries after the position of a group in a slot. */
export interface Progress {
  /** Empty if the group has none in this slot. */
  readonly position: string;
  /** Whether entries directly after the position are missing. */
  readonly isLost: boolean;
  /** How many attempts at the change after the position were noted. */
  readonly attempts: number;
  readonly entries: readonly OutboxEntry[];
}

/** What the servers store of one group of followers. */
export class GroupStore {
  private readonly scripts: ScriptCaller;
  private readonly key: string;

  constructor(
    client: EntityClient,
    private readonly partitionName: string,
    readonly group: string,
  ) {
    this.scripts = new ScriptCaller(client);
    this.key = groupKey(partitionName, group);
  }

  /** Reports that a member is alive, and gives up shares. */
  async report(
    member: string,
    { leaseMs, givenUp, isLeaving, deadlineMs }: MemberReport,
  ): Promise<Membership> {
    const args = [member, String(leaseMs), String(SHARES), isLeaving ? '1' : '', ...givenUp.map(String)];
    const answer = await this.scripts.run({ script: MEMBER_SCRIPT, keys: [this.key], args }, 'always', {
      deadlineMs,
    });
    const [begun, isBeginner, fair, aliveUntil, ...shares] = answer;
    return {
      begun: begun === 'now' || begun === 'start' ? begun : undefined,
      isBeginner: isBeginner === '1',
      fair: Number(fair),
      aliveUntil: Number(aliveUntil),
      shares: new Map(shares.map((share) => [Number(share.replace('!', '')), share.startsWith('!')])),
    };
  }

  async leave(member: string): Promise<void> {
    const deadlineMs = LEAVE_MS;
    await this.scripts.run({ script: LEAVE_SCRIPT, keys: [this.key], args: [member] }, 'always', {
      deadlineMs,
    });
  }

  async markBegun(member: string, from: 'now' | 'start'): Promise<void> {
    await this.scripts.run({ script: BEGUN_SCRIPT, keys: [this.key], args: [member, from] }, 'always');
  }

  /** Sets the position of a new group in a slot. @throws ClusterError if it is too late for that. */
  async begin(slot: number, until: number): Promise<void> {
    const keys = [outboxKey(this.partitionName, slot), this.progressKey(slot)];
    const [outcome] = await this.scripts.run({ script: BEGIN_SCRIPT, keys, args: [String(until)] }, 'always');
    if (outcome !== 'LATE') return;
    throw new ClusterError(
      'The group could not begin within the lease, and tries again: let the clocks of the servers agree, or raise leaseMs',
      { code: 'LATE', applied: false },
    );
  }

  /** Reads what a group has not handled in a slot. */
  async read(slot: number, begun: 'now' | 'start'): Promise<Progress> {
    const keys = [outboxKey(this.partitionName, slot), this.progressKey(slot)];
    const args = [begun === 'start' ? 'start' : '0-0', String(BATCH)];
    const [outcome, position, attempts, ...entries] = await this.scripts.runForBytes(
      { script: PROGRESS_SCRIPT, keys, args },
      'always',
      {},
    );
    const isLost = String(outcome) === 'LOST';
    return {
      position: String(position),
      isLost,
      attempts: Number(attempts),
      entries: entriesIn(slot, entries),
    };
  }

  /** Notes how often the change after a position was handled, so that the next process knows. */
  async note(slot: number, position: string, attempts: number): Promise<void> {
    const keys = [this.progressKey(slot)];
    await this.scripts.run({ script: NOTE_SCRIPT, keys, args: [position, String(attempts)] }, 'always');
  }

  /**
   * Moves the position in a slot.
   *
   * @returns false if the position is no longer `from`: another member has moved it.
   */
  async move(slot: number, from: string, to: string): Promise<boolean> {
    return (await this.moved(slot, [from, to, ''])) !== undefined;
  }

  /**
   * Moves the position in a slot past a change, and puts the change aside.
   *
   * @param most how many changes to keep aside in the slot.
   * @returns how many older ones were removed for it; undefined if another member has moved the position.
   */
  putAside(
    slot: number,
    from: string,
    to: string,
    fields: readonly Stored[],
    most: number,
  ): Promise<number | undefined> {
    return this.moved(slot, [from, to, most === Infinity ? '' : String(most), ...fields]);
  }

  private async moved(slot: number, args: readonly Stored[]): Promise<number | undefined> {
    const keys = [this.progressKey(slot), deadLettersKey(this.partitionName, slot, this.group)];
    const [outcome, removed] = await this.scripts.run({ script: MOVE_SCRIPT, keys, args }, 'always');
    return outcome === 'OK' ? Number(removed) : undefined;
  }

  /** Returns the step from one position to another, as part of a commit. */
  step(slot: number, from: string, to: string): FollowerStep {
    const { position: field, positionWriter: writerField } = PROGRESS_FIELDS;
    return { key: this.progressKey(slot), field, writerField, from, to };
  }

  /** Returns the step that notes which change that was put aside was handled again last, as part of a commit. */
  redriveStep(slot: number, from: string, to: string): FollowerStep {
    const { redriven: field, redrivenWriter: writerField } = PROGRESS_FIELDS;
    return { key: this.progressKey(slot), field, writerField, from, to };
  }

  /** Reads changes that were put aside in a slot, after one of them, or from the first. */
  async readDeadLetters(slot: number, after: string): Promise<{ redriven: string; entries: OutboxEntry[] }> {
    const keys = [this.progressKey(slot), deadLettersKey(this.partitionName, slot, this.group)];
    const [redriven, ...entries] = await this.scripts.runForBytes(
      { script: DEAD_LETTERS_SCRIPT, keys, args: [after, String(BATCH)] },
      'always',
      {},
    );
    return { redriven: String(redriven), entries: entriesIn(slot, entries) };
  }

  private progressKey(slot: number): string {
    return progressKey(this.partitionName, slot, this.group);
  }
}
