import { BatchedCommand, commandAt } from './batched-command.js';
import type { SentBatch, BatchLane } from './sent-batch.js';
import type { CallPolicy } from '../command/call-policy.js';
import { CommandGroup } from './command-group.js';
import type { Command } from '../command/command.js';
import type { ResolvedCall } from '../command/resolved-call.js';

/** What a lane sends with. */
export interface LaneHost {
  /** Whether commands with this policy can be sent in groups now. */
  sendsGroups(policy: CallPolicy): boolean;
  /** Returns the index of the shard whose primary a call goes to; undefined if it has to be sent by itself. */
  shardOf(call: ResolvedCall, policy: CallPolicy): number | undefined;
  /** Sends a group to the primary of a shard. False if that has no room for it. */
  submitGroup(group: CommandGroup, shard: number): boolean;
  /** Sends a command by itself. */
  submitOfBatch(command: Command): void;
  /** Fails a command that is not sent. */
  refuseOfBatch(command: Command, error: Error): void;
  /** For these two see `BatchLane`. */
  now(): number;
  afterLongTurn(extend: (ms: number) => void): void;
  endBatch(): void;
}

/** Sends the entries of a batch, those for one node in groups. Entries of one slot are sent in their order. */
export class GroupingLane implements BatchLane {
  /** The groups that are not full, by the index of their shard. */
  private groups: (CommandGroup | undefined)[] = [];
  private sendsGroups = false;

  constructor(
    private readonly batch: SentBatch,
    private readonly host: LaneHost,
  ) {}

  now(): number {
    return this.host.now();
  }

  afterLongTurn(extend: (ms: number) => void): void {
    this.host.afterLongTurn(extend);
  }

  begin(): void {
    this.sendsGroups = this.host.sendsGroups(this.batch.policy);
  }

  add(place: number, deadlineAt: number): void {
    const { entries, policy } = this.batch;
    const entry = entries[place];
    const isGrouped = this.sendsGroups && !(entry instanceof BatchedCommand);
    const shard = isGrouped ? this.host.shardOf(entry.call, policy) : undefined;
    if (shard === undefined) return this.addAlone(place, deadlineAt);
    const group = this.groups[shard];
    if (group?.add(place) === true) return;
    if (group !== undefined) this.send(group, shard);
    const next = new CommandGroup(this.batch, place);
    next.deadlineAt = deadlineAt;
    this.groups[shard] = next;
  }

  flush(): void {
    const { groups } = this;
    this.groups = [];
    for (let shard = 0; shard < groups.length; shard++) {
      const group = groups[shard];
      if (group !== undefined) this.send(group, shard);
    }
  }

  refuse(place: number, error: Error): void {
    this.host.refuseOfBatch(commandAt(this.batch, place), error);
  }

  end(): void {
    this.host.endBatch();
  }

  private addAlone(place: number, deadlineAt: number): void {
    // it may be of the slot of an entry that was added before
    this.flush();
    const command = commandAt(this.batch, place);
    command.deadlineAt = deadlineAt;
    this.host.submitOfBatch(command);
    // later commands of its slot may have to wait behind it now
    this.begin();
  }

  private send(group: CommandGroup, shard: number): void {
    if (this.host.submitGroup(group, shard)) return;
    for (const command of group.split()) this.host.submitOfBatch(command);
    this.begin();
  }
}
