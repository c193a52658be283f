import type { ClusterClient } from '../../../lib/client/cluster-client.js';
import * as decorators from '../../../lib/entity/decorators/decorators.js';
import { EntityRegistry } from '../../../lib/entity/repository/entity-registry.js';
import type { Operation } from '../checker/history.js';
import { executedOf, RecordedHall, type CommitRecord } from '../entities/recorded-hall.js';
import { SEAT_CALLS } from '../entities/seat-calls.js';
import { seatClasses } from '../entities/seat.js';
import type { World } from '../servers/world.js';
import { idempotencyOf } from '../random/random-seat-schedule.js';
import type { SeatCall } from './schedule.js';

const { Hall, Seat, Stool } = seatClasses(decorators);
/** The class of the rows of a partition, by what recognizes repeated writes. */
const TYPES = { window: Seat, row: Stool };

/** How long a call with all its attempts may take while nothing is wrong, in ms. */
const CALM_MS = 1_000;

/** The errors other than refusals that calls may end with while servers fail, or meet too many others. */
const EXPECTED: ReadonlySet<string> = new Set([
  'DEADLINE_EXCEEDED',
  'OUTCOME_UNKNOWN',
  'TRANSACTION_CONFLICT',
]);
const REFUSED: ReadonlySet<string> = new Set(['done', 'conflict', 'exists', 'missing', 'taken']);

/** Makes calls of repositories, and records what they read and write. */
export class SeatCaller {
  /** What a caller must never see, one line each. */
  readonly faults: string[] = [];
  private readonly record: CommitRecord;
  private readonly registries: readonly EntityRegistry[];
  private readonly pending = new Set<SeatCall>();

  constructor(
    clients: readonly ClusterClient[],
    private readonly world: World,
    /** Whether nothing was wrong in a time that would delay a call. */
    isCalm: (from: number, to: number) => boolean,
  ) {
    this.registries = clients.map((client) => new EntityRegistry(client).register([Hall, Seat, Stool]));
    this.record = {
      operations: [],
      now: () => world.time.now,
      onError: (code, error) => {
        if (!EXPECTED.has(code)) this.faults.push(`a call of an entity failed: ${String(error)}`);
      },
      onEnd: (id, outcome, calledAt) => {
        world.trace(`commit ${id}`, outcome, '');
        const { now } = world.time;
        if (isCalm(calledAt, now) && (!REFUSED.has(outcome) || now - calledAt > CALM_MS))
          this.faults.push(
            `commit ${id} of ${calledAt} ms, when nothing was wrong, ended after ${Math.round(now - calledAt)} ms: ${outcome}`,
          );
      },
    };
  }

  /** The calls that may have been executed. */
  get operations(): Operation[] {
    return executedOf(this.record);
  }

  /** How many calls have not ended. */
  get open(): number {
    return this.pending.size;
  }

  /** Makes a call. */
  make(call: SeatCall): void {
    const type = TYPES[idempotencyOf(call.hall)];
    const seats = this.registries[call.client].repository(type);
    const hall = new RecordedHall(call.hall, `{Hall:${call.hall}}`, seats, type, this.record);
    this.world.trace('calls', call.name, `${call.hall} ${call.id} ${call.other} ${call.serial}`);
    this.pending.add(call);
    void SEAT_CALLS[call.name](hall, call).then(
      () => this.pending.delete(call),
      (error: unknown) => this.faults.push(`${call.name} threw ${String((error as Error).stack)}`),
    );
  }

  /** Reports the calls that have not ended. */
  reportOpen(): void {
    for (const { name, hall, at } of this.pending)
      this.faults.push(`${name} ${hall} of ${at} ms never ended`);
  }
}
