import { createRepositories, type ClusterClient, type EntityRegistry } from 'keyslot';
import type { LocalCluster } from 'keyslot/testing';
import type { Shards } from '../shards.js';
import { disagreements, issuesOf } from './audit.js';
import { Hall, HALL_FORM, Sale, Seat } from './model.js';
import { openHall } from './open-hall.js';
import { readPartition } from './partition-truth.js';
import { Tallies } from './tallies.js';
import { Worker } from './worker.js';

const WORKERS_OF_A_HALL = 2;
const PAUSE_MS = 10;
let series = 0;

/** How the workers of a trial work. */
export interface HallWorkerOptions {
  /** Whether writes wait for a replica, because the fault may cost a primary what it has not passed on. */
  readonly durable?: boolean;
  /** Codes by which servers refuse writes meanwhile. */
  readonly refusals?: readonly string[];
}

/** What became of the halls. */
export interface HallWorkerFigures {
  readonly operations: number;
  readonly refused: number;
  /** Operations that ended as they should not have. */
  readonly wrong: readonly string[];
  /** Where rows, indexes, unique constraints and what the workers were told do not agree. */
  readonly faults: readonly string[];
}

/** A hall on each shard, whose rows workers write in every way there is. */
export class HallWorkers {
  private isOver = false;
  private readonly working: Promise<unknown>;

  private constructor(
    private readonly registry: EntityRegistry,
    private readonly ids: readonly string[],
    private readonly workers: readonly Worker[],
    private readonly tallies: Tallies,
  ) {
    this.working = Promise.all(workers.map((worker) => worker.work(() => this.isOver, PAUSE_MS)));
    this.working.catch(() => {});
  }

  static async open(
    client: ClusterClient,
    shards: Shards,
    { durable = false, refusals = [] }: HallWorkerOptions,
  ): Promise<HallWorkers> {
    const registry = createRepositories(client, [Hall, Seat, Sale]);
    const ids: string[] = [];
    for (const shard of shards.slots.keys()) {
      let id: string;
      do id = `hall${process.pid}x${series++}`;
      while (shards.of(`{LoadHall:${id}}`) !== shard);
      await openHall(registry, id);
      ids.push(id);
    }
    const tallies = new Tallies(new Set(refusals));
    const workers = ids.flatMap((id, hall) =>
      Array.from(
        { length: WORKERS_OF_A_HALL },
        (_, i) => new Worker(registry, id, hall * WORKERS_OF_A_HALL + i, tallies, durable),
      ),
    );
    return new HallWorkers(registry, ids, workers, tallies);
  }

  /** Ends the work. The halls can be read once the cluster is stable. */
  async end(): Promise<void> {
    this.isOver = true;
    await this.working;
  }

  async read(cluster: LocalCluster): Promise<HallWorkerFigures> {
    const { tallies, workers, registry } = this;
    const faults: string[] = [];
    for (const id of this.ids) {
      const truth = await readPartition(cluster, HALL_FORM, id);
      const its = workers.filter(({ hallId }) => hallId === id);
      const found = [...truth.faults, ...disagreements(truth, its), ...(await issuesOf(registry, id))];
      faults.push(...found.map((fault) => `${id}: ${fault}`));
    }
    const refused = [...tallies.counts].filter(([key]) => tallies.refusedByServers.has(key.split(' ')[1]));
    return {
      operations: tallies.total,
      refused: refused.reduce((sum, [, count]) => sum + count, 0),
      wrong: tallies.wrong,
      faults,
    };
  }
}
