import { ConflictException, Inject, Injectable, Logger } from '@nestjs/common';
import type { LocalNode } from 'keyslot/testing';
import { SalesService } from '../sales/sales.service.js';
import { Doors } from './doors.js';
import { type OtherProcess, STAGE, type Stage } from './stage.js';

export const FAULT_NAMES = ['kill', 'freeze', 'move', 'restore'] as const;
export type FaultName = (typeof FAULT_NAMES)[number];

/** Something that was done to the cluster, or that it did. */
export interface StageEvent {
  at: string;
  text: string;
}

/** What the buttons need to know. */
export interface FaultsState {
  /** What is under way. */
  busy?: FaultName | 'process';
  log: StageEvent[];
}

const SHOWN_EVENTS = 5;
const SETTLE_MS = 30_000;

/** Breaks the cluster of the stage, and repairs it. One thing at a time. */
@Injectable()
export class FaultsService {
  private readonly logger = new Logger('Demo');
  private readonly log: StageEvent[] = [];
  private readonly processes: OtherProcess[] = [];
  private busy: FaultsState['busy'];

  private readonly faults: Record<FaultName, (slot: number) => Promise<void>> = {
    kill: async (slot) => {
      const primary = await this.replaceablePrimary(slot);
      await this.stage.cluster.kill(primary);
      await this.untilReplaced(slot, primary, 'was killed');
    },
    freeze: async (slot) => {
      const primary = await this.replaceablePrimary(slot);
      await this.stage.cluster.freeze(primary);
      await this.untilReplaced(slot, primary, 'froze');
    },
    move: async (slot) => {
      const { cluster } = this.stage;
      await cluster.waitUntilStable({ timeoutMs: SETTLE_MS });
      const from = await cluster.primaryOfSlot(slot);
      const primaries = cluster.primaries.filter(({ state }) => state === 'running');
      const to = primaries[(primaries.indexOf(from) + 1) % primaries.length];
      await cluster.migrateSlots([slot], from, to);
      this.note(`Slot ${slot} moved from ${from.name} to ${to.name}`);
    },
    restore: async () => {
      const { cluster } = this.stage;
      const nodes = cluster.nodes.filter(({ state }) => state !== 'running');
      for (const node of nodes.filter(({ state }) => state === 'frozen')) await cluster.thaw(node);
      // a primary that comes back empty before its replica took over would empty the replica, too
      await cluster.waitUntilStable({ timeoutMs: SETTLE_MS }).catch(() => this.note('No replica takes over'));
      for (const node of nodes) if (node.state === 'dead') await cluster.restart(node);
      await cluster.waitUntilStable({ timeoutMs: SETTLE_MS });
      for (const node of nodes) this.note(`${node.name} is back, as a ${node.role}`);
    },
  };

  constructor(
    @Inject(STAGE) private readonly stage: Stage,
    private readonly sales: SalesService,
    private readonly doors: Doors,
  ) {}

  get state(): FaultsState {
    return { busy: this.busy, log: this.log };
  }

  /**
   * Resolves when the cluster works again, or its node is back.
   *
   * @throws NotFoundException; ConflictException while something else is under way, or where the fault would lose the sale
   */
  async make(fault: FaultName, saleId: string): Promise<void> {
    if (fault !== 'restore') await this.sales.find(saleId);
    return this.alone(fault, () => this.faults[fault](this.sales.place(saleId).slot));
  }

  /** Starts another process of the application, which buyers then use, too. */
  openProcess(): Promise<void> {
    return this.alone('process', async () => {
      if (this.processes.length > 0) throw new ConflictException('There is a second process already');
      const opened = await this.stage.openProcess();
      this.processes.push(opened);
      this.doors.add(opened.url);
      this.note(`A second process of the application answers at ${opened.url}`);
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.processes.map((opened) => opened.close()));
  }

  private async alone(name: NonNullable<FaultsState['busy']>, act: () => Promise<void>): Promise<void> {
    if (this.busy) throw new ConflictException(`Not while this is under way: ${this.busy}`);
    this.busy = name;
    try {
      await act();
    } finally {
      this.busy = undefined;
    }
  }

  /** The primary of a slot. @throws ConflictException where no replica could take its place */
  private async replaceablePrimary(slot: number): Promise<LocalNode> {
    const { cluster } = this.stage;
    await cluster.waitUntilStable({ timeoutMs: SETTLE_MS });
    const primary = await cluster.primaryOfSlot(slot);
    const replication = String(await cluster.command(primary, 'INFO', 'replication'));
    if (/^slave\d+:.*state=online/m.test(replication)) return primary;
    throw new ConflictException(
      `${primary.name} has the only copy of this sale. Bring its replica back first`,
    );
  }

  private async untilReplaced(slot: number, node: LocalNode, whatHappened: string): Promise<void> {
    const { cluster } = this.stage;
    const since = performance.now();
    this.note(`${node.name}, the primary of slot ${slot}, ${whatHappened}`);
    await cluster.waitUntilStable({ timeoutMs: SETTLE_MS });
    const { name } = await cluster.primaryOfSlot(slot);
    const seconds = ((performance.now() - since) / 1_000).toFixed(1);
    this.note(`${name} took over after ${seconds}\u00a0s`);
  }

  private note(text: string): void {
    this.logger.log(text);
    this.log.push({ at: new Date().toISOString(), text });
    if (this.log.length > SHOWN_EVENTS) this.log.shift();
  }
}
