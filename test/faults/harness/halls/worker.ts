import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterRepository, EntityRegistry, WriteOptions } from 'keyslot';
import { Hall, MOST_HELD, Sale, Seat, SWAPPERS } from './model.js';
import type { Tallies } from './tallies.js';

/** What a seat must be, by what its worker was told; nobody else writes it. */
export interface KnownSeat {
  code: string;
  state: string;
  rank: number;
  note?: string;
  version: number;
}

const MOST_SEATS = 15;
const MOST_SALES = 10;
/** Long enough for a killed primary to come back as the replica of its successor. */
const DURABLE = { replicas: 1, timeoutMs: 15_000 };
const STATES = ['free', 'shown', 'broken'];

/** Works on one partition, beside others, and knows what must be there of its own. */
export class Worker {
  readonly seats = new Map<string, KnownSeat>();
  readonly sales = new Map<string, number>();
  /** Rows that may be there or not, and as they should be or not. */
  readonly doubtful = new Set<string>();
  /** How often what everybody writes was this.options, at least and at most. */
  readonly sold = { least: 0, most: 0 };
  readonly tallied = { least: 0, most: 0 };
  private readonly halls: ClusterRepository<Hall>;
  private readonly seatsOf: ClusterRepository<Seat>;
  private readonly salesOf: ClusterRepository<Sale>;
  private readonly options: WriteOptions;
  private serial = 0;

  constructor(
    registry: EntityRegistry,
    readonly hallId: string,
    readonly number: number,
    private readonly tallies: Tallies,
    isDurable: boolean,
  ) {
    this.options = { deadlineMs: 30_000, durability: isDurable ? DURABLE : undefined };
    this.halls = registry.repository(Hall);
    this.seatsOf = registry.repository(Seat);
    this.salesOf = registry.repository(Sale);
  }

  /** Makes one operation after the other until it is told to stop, with a pause after each. */
  async work(isOver: () => boolean, pauseMs = 0): Promise<void> {
    const operations = [
      this.insert,
      this.update,
      this.update,
      this.save,
      this.rename,
      this.delete,
      this.takeCode,
      this.swap,
      this.sell,
      this.sell,
      this.hit,
      this.drop,
      this.tally,
      this.hold,
      this.hold,
      this.findMine,
      this.saveMany,
    ];
    while (!isOver()) {
      await operations[this.below(operations.length)].call(this);
      if (pauseMs > 0) await delay(pauseMs);
    }
  }

  private async insert(): Promise<void> {
    if (this.seats.size >= MOST_SEATS) return this.delete();
    const seat = this.newSeat('s', this.state());
    const fate = await this.tallies.run('insert', { isRecognised: true }, () =>
      this.seatsOf.insert(seat, this.options),
    );
    this.keep(seat, fate === 'done');
  }

  private async update(): Promise<void> {
    await this.change('update', { state: this.state(), rank: this.below(1000) });
  }

  /** Changes what is unique: one value is released, another claimed. */
  private async rename(): Promise<void> {
    await this.change('rename', { code: this.fresh('c') });
  }

  private async change(name: string, patch: Partial<KnownSeat>): Promise<void> {
    const [id, known] = this.anyOf(this.seats) ?? [];
    if (id === undefined || !known) return;
    const fate = await this.tallies.run(name, { isRecognised: true }, async () => {
      const { version } = await this.seatsOf.update({ hallId: this.hallId, id }, patch, this.options);
      this.tallies.expect(`${name} of ${id}: version`, version, known.version + 1);
    });
    if (fate !== 'done') return this.doubt(id);
    Object.assign(known, patch, { version: known.version + 1 });
  }

  private async save(): Promise<void> {
    const [id, known] = this.anyOf(this.seats) ?? [];
    if (id === undefined || !known) return;
    const note = this.fresh('n');
    const fate = await this.tallies.run('save', { isRecognised: true }, async () => {
      const seat = await this.seatsOf.findOneOrFail({ hallId: this.hallId, id });
      this.tallies.expect(`read of ${id}`, pickKnown(seat), pickKnown(known));
      await this.seatsOf.save(Object.assign(seat, { note }), this.options);
      this.tallies.expect(`save of ${id}: version`, seat.version, known.version + 1);
    });
    if (fate !== 'done') return this.doubt(id);
    Object.assign(known, { note, version: known.version + 1 });
  }

  private async delete(): Promise<void> {
    const [id] = this.anyOf(this.seats) ?? [];
    if (id === undefined) return;
    const fate = await this.tallies.run('delete', { isRecognised: false }, async () => {
      const { deleted } = await this.seatsOf.delete({ hallId: this.hallId, id }, this.options);
      this.tallies.expect(`delete of ${id}`, deleted, true);
    });
    if (fate === 'done') this.seats.delete(id);
    else this.doubt(id);
  }

  /** A code that is taken for good. */
  private async takeCode(): Promise<void> {
    const seat = this.newSeat('taken', 'free');
    const fate = await this.tallies.run(
      'takeCode',
      { refusals: ['UNIQUE_VIOLATION'], isRecognised: true },
      () => this.seatsOf.insert(Object.assign(seat, { code: 'pillar' }), this.options),
    );
    this.tallies.expect('a second seat with the code of another', fate, 'refused');
  }

  private async swap(): Promise<void> {
    const first = this.below(SWAPPERS);
    const second = (first + 1 + this.below(SWAPPERS - 1)) % SWAPPERS;
    await this.tallies.run('swap', { refusals: ['TRANSACTION_CONFLICT'], isRecognised: false }, () =>
      this.halls.transaction(
        this.hallId,
        async (tx) => {
          const key = (at: number) => ({ hallId: this.hallId, id: `swap${at}` });
          const [one, other] = [await tx.get(Seat, key(first)), await tx.get(Seat, key(second))];
          if (!one || !other) throw new Error('A seat is missing');
          [one.code, other.code] = [other.code, one.code];
          tx.save(one);
          tx.save(other);
        },
        this.options,
      ),
    );
  }

  /** Two classes, one of them with a window. */
  private async sell(): Promise<void> {
    if (this.sales.size >= MOST_SALES) return this.drop();
    const id = this.fresh('sale');
    const contract = { refusals: ['TRANSACTION_CONFLICT'], isRecognised: true } as const;
    const fate = await this.tallies.run('sell', contract, () =>
      this.halls.transaction(
        this.hallId,
        async (tx) => {
          const hall = await tx.get(Hall, this.hallId);
          if (!hall) throw new Error('The hall is missing');
          hall.sold++;
          tx.save(hall);
          tx.insert(this.newSale(id));
        },
        this.options,
      ),
    );
    if (fate === 'refused') return;
    this.sold.most++;
    if (fate === 'in doubt') return this.doubt(id);
    this.sold.least++;
    this.sales.set(id, 0);
  }

  private async hit(): Promise<void> {
    const [id, hits] = this.anyOf(this.sales) ?? [];
    if (id === undefined || hits === undefined) return;
    const fate = await this.tallies.run('increment', { isRecognised: true }, async () => {
      const now = await this.salesOf.increment({ hallId: this.hallId, id }, 'hits', 1, this.options);
      this.tallies.expect(`increment of ${id}`, now, hits + 1);
    });
    if (fate === 'done') this.sales.set(id, hits + 1);
    else this.doubt(id);
  }

  private async drop(): Promise<void> {
    const [id] = this.anyOf(this.sales) ?? [];
    if (id === undefined) return;
    const fate = await this.tallies.run('drop', { isRecognised: true }, async () => {
      const { deleted } = await this.salesOf.delete({ hallId: this.hallId, id }, this.options);
      this.tallies.expect(`delete of ${id}`, deleted, true);
    });
    if (fate === 'done') this.sales.delete(id);
    else this.doubt(id);
  }

  /** Compare-and-set of what everybody writes, without a transaction. */
  private async tally(): Promise<void> {
    const contract = { refusals: ['VERSION_CONFLICT'], isRecognised: true } as const;
    const fate = await this.tallies.run('tally', contract, async () => {
      const hall = await this.halls.findOneOrFail(this.hallId);
      hall.tally++;
      await this.halls.save(hall, this.options);
    });
    if (fate !== 'refused') this.tallied.most++;
    if (fate === 'done') this.tallied.least++;
  }

  /** Holds a seat where fewer than so many are held, else lets one go: only as good as the query is. */
  private async hold(): Promise<void> {
    const seat = this.newSeat('held', 'held');
    let removed: string | undefined;
    let isHeld = false;
    const contract = { refusals: ['TRANSACTION_CONFLICT'], isRecognised: false } as const;
    const fate = await this.tallies.run('hold', contract, () =>
      this.halls.transaction(
        this.hallId,
        async (tx) => {
          const held = await tx.find(Seat, { hallId: this.hallId, state: 'held' });
          const mine = held.find(({ worker, id }) => worker === this.number && this.seats.has(id));
          removed = undefined;
          isHeld = held.length < MOST_HELD;
          if (isHeld) tx.insert(seat);
          else if (mine) {
            removed = mine.id;
            tx.remove(mine);
          }
        },
        this.options,
      ),
    );
    if (fate === 'refused') return;
    if (removed !== undefined && fate === 'done') this.seats.delete(removed);
    else if (removed !== undefined) this.doubt(removed);
    if (isHeld) this.keep(seat, fate === 'done');
  }

  /** What is there throughout is found, and nobody else writes it. */
  private async findMine(): Promise<void> {
    await this.tallies.run('findBy', { isRecognised: true }, async () => {
      const found = await this.seatsOf.findBy({ hallId: this.hallId, worker: this.number });
      const sure = found.filter(({ id }) => !this.doubtful.has(id));
      this.tallies.expect(
        'seats found',
        sure.map(({ id }) => id).toSorted(),
        [...this.seats.keys()].toSorted(),
      );
    });
  }

  private async saveMany(): Promise<void> {
    if (this.sales.size >= MOST_SALES) return this.drop();
    const sales = [this.newSale(this.fresh('sale')), this.newSale(this.fresh('sale'))];
    const results = await this.salesOf.saveMany(sales, this.options);
    for (const [i, result] of results.entries()) {
      const fate = await this.tallies.run('saveMany', { isRecognised: true }, async () => {
        if (!result.ok) throw result.error;
      });
      if (fate === 'done') this.sales.set(sales[i].id, 0);
      else this.doubt(sales[i].id);
    }
  }

  private newSeat(prefix: string, state: string): Seat {
    const id = this.fresh(prefix);
    const rank = this.below(1000);
    return this.seatsOf.create({ hallId: this.hallId, id, code: id, worker: this.number, state, rank });
  }

  private newSale(id: string): Sale {
    return this.salesOf.create({ hallId: this.hallId, id, reference: id, buyer: this.number });
  }

  private keep(seat: Seat, isSure: boolean): void {
    if (isSure) this.seats.set(seat.id, { ...pickKnown(seat) });
    else this.doubt(seat.id);
  }

  private doubt(id: string): void {
    this.seats.delete(id);
    this.sales.delete(id);
    this.doubtful.add(id);
  }

  private fresh(prefix: string): string {
    return `${prefix}-${this.number}-${++this.serial}`;
  }

  private state(): string {
    return STATES[this.below(STATES.length)];
  }

  private below(limit: number): number {
    return Math.floor(Math.random() * limit);
  }

  private anyOf<V>(map: ReadonlyMap<string, V>): [string, V] | undefined {
    return [...map][this.below(map.size)];
  }
}

/** Of a seat what its worker knows. */
export const pickKnown = ({ code, state, rank, note, version }: KnownSeat): KnownSeat => ({
  code,
  state,
  rank,
  note,
  version,
});
