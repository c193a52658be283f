import {
  ClusterEntity,
  type ClusterRepository,
  type ClusterSet,
  Counter,
  ClusterError,
  createRepositories,
  type EntityClient,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  SetOf,
  Shape,
  Unique,
} from 'keyslot';
import { type Random, randomBelow } from '../../lib/testing/memory/keyspace/random.js';

@ClusterEntity({ name: 'Shelf', changes: true })
export class Shelf {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() name?: string;
}

@ClusterEntity({ name: 'Volume', partition: () => Shelf, changes: { values: true } })
export class Volume {
  declare readonly [Shape]: {
    key: 'shelfId' | 'id';
    indexed: 'isbn' | 'genre' | 'year' | 'owner';
    counters: 'loans';
  };
  @PartitionKey() shelfId!: string;
  @PrimaryKey() id!: number;
  @Unique() @Property() isbn?: string;
  @Index({ nulls: true }) @Property() genre?: string;
  @Index({ name: 'byYear', fields: ['genre', 'year'] }) @Property() year?: number;
  @Unique({ scope: 'global' }) @Property() owner?: string;
  @Counter() loans!: number;
  @SetOf(String) labels!: ClusterSet<string>;
}

/** Runs random operations on repositories, and returns what each of them did. */
export class RandomWrites {
  private readonly volumes: ClusterRepository<Volume>;

  constructor(
    client: EntityClient,
    private readonly random: Random,
    private readonly shelfId: string,
  ) {
    this.volumes = createRepositories(client, [Shelf, Volume]).repository(Volume);
  }

  /** Runs one operation. Returns its name and its outcome, without versions, which are times. */
  async next(): Promise<unknown[]> {
    const names = Object.keys(this.operations);
    const name = names[randomBelow(this.random, names.length)];
    // drawn before anything is awaited, so that both sides draw the same
    const [key, patch] = [{ shelfId: this.shelfId, id: this.below(6) }, this.patch()];
    try {
      return [name, key.id, withoutTimes(await this.operations[name](key, patch))];
    } catch (error) {
      if (error instanceof ClusterError) return [name, key.id, error.code];
      throw error;
    }
  }

  /** Returns all that is stored: rows, what each index finds, collections and changes. */
  async everything(): Promise<unknown> {
    const { shelfId } = this;
    const found: unknown[] = [];
    for await (const volume of this.volumes.stream({ shelfId })) {
      const labels: string[] = [];
      for await (const label of this.volumes.collection({ shelfId, id: volume.id }, 'labels'))
        labels.push(label);
      found.push({ ...volume, labels: labels.toSorted() });
    }
    const issues: unknown[] = [];
    for await (const issue of this.volumes.verifyIndexes({ partition: shelfId })) issues.push(issue);
    return withoutTimes({ found, issues });
  }

  private readonly operations: Readonly<
    Record<string, (key: { shelfId: string; id: number }, patch: Partial<Volume>) => Promise<unknown>>
  > = {
    insert: (key, patch) => this.volumes.insert(this.volumes.create({ ...key, ...patch })),
    upsert: (key, patch) => this.volumes.upsert(this.volumes.create({ ...key, ...patch })),
    update: (key, patch) => this.volumes.update(key, patch).then(() => 'updated'),
    delete: (key) => this.volumes.delete(key),
    increment: (key) => this.volumes.increment(key, 'loans', 3),
    find: (key) => this.volumes.findOne(key),
    findBy: ({ shelfId }, { genre = 'a' }) => this.volumes.findBy({ shelfId, genre }),
    findByNull: ({ shelfId }) => this.volumes.findBy({ shelfId, genre: { isNull: true } }),
    countBy: ({ shelfId }, { genre = 'b' }) => this.volumes.countBy({ shelfId, genre, year: { gt: 1 } }),
    findOneBy: ({ shelfId }, { isbn = 'x' }) => this.volumes.findOneBy({ shelfId, isbn }),
    save: async (key, patch) => {
      const volume = await this.volumes.findOne(key);
      return volume && this.volumes.save(Object.assign(volume, patch));
    },
    swap: ({ shelfId, id }) =>
      this.volumes.transaction(shelfId, async (tx) => {
        const [one, other] = [
          await tx.get(Volume, { shelfId, id }),
          await tx.get(Volume, { shelfId, id: id ^ 1 }),
        ];
        if (!one || !other) return 'none';
        [one.isbn, other.isbn] = [other.isbn, one.isbn];
        tx.save(one);
        tx.save(other);
        return 'swapped';
      }),
    label: ({ shelfId, id }, { isbn = 'l' }) =>
      this.volumes.collection({ shelfId, id }, 'labels').add(isbn, 'always'),
    unlabel: ({ shelfId, id }) => this.volumes.collection({ shelfId, id }, 'labels').delete('always'),
  };

  private patch(): Partial<Volume> {
    const patch: Partial<Volume> = {};
    if (this.random() < 0.6) patch.isbn = `isbn-${this.below(4)}`;
    if (this.random() < 0.6) patch.genre = ['a', 'b', 'é\0'][this.below(3)];
    if (this.random() < 0.5) patch.year = [-5, 0, 7, 1999.5][this.below(4)];
    if (this.random() < 0.3) patch.owner = `${this.shelfId}-${this.below(3)}`;
    return patch;
  }

  private below(limit: number): number {
    return randomBelow(this.random, limit);
  }
}

/** Versions are the times of servers. */
const withoutTimes = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null, (name, inner: unknown) => (name === 'version' ? undefined : inner)),
  );
