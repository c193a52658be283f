import {
  ClusterEntity,
  Counter,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  Unique,
  Version,
  type ClusterError,
  type ClusterRepository,
  type EntityRegistry,
} from 'keyslot';

@ClusterEntity({ name: 'Shelf', idempotency: 'window' })
export class Shelf {
  declare readonly [Shape]: { key: 'id'; counters: 'visits' };
  @PrimaryKey() id!: string;
  @Property() checked: number = 0;
  @Counter() visits!: number;
  @Version() version!: number;
}

@ClusterEntity({ name: 'Book', partition: () => Shelf, idempotency: 'window' })
export class Book {
  declare readonly [Shape]: { key: 'shelfId' | 'id'; indexed: 'isbn' | 'state'; counters: 'loans' };
  @PartitionKey() shelfId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() isbn!: string;
  @Index() @Property() state!: string;
  @Property() note?: string;
  @Counter() loans!: number;
  @Version() version!: number;
}

/** What a book must be, by what its only writer was answered. */
interface KnownBook {
  isbn: string;
  state: string;
  note?: string;
  loans: number;
  version: number;
}

const MOST_BOOKS = 20;

/** Writes books of its own, of one shelf, and what all write on the shelf. */
export class Librarian {
  readonly books = new Map<string, KnownBook>();
  readonly counts = new Map<string, number>();
  readonly wrong: string[] = [];
  visits = 0;
  checks = 0;
  private serial = 0;
  private readonly all: ClusterRepository<Book>;
  private readonly shelves: ClusterRepository<Shelf>;

  constructor(
    repositories: EntityRegistry,
    readonly shelfId: string,
    private readonly number: number,
  ) {
    this.all = repositories.repository(Book);
    this.shelves = repositories.repository(Shelf);
  }

  async work(nextIsDue: () => boolean): Promise<void> {
    const operations: Record<string, () => Promise<void>> = {
      insert: () => this.insert(),
      save: () => this.save(),
      update: () => this.update(),
      upsert: () => this.upsert(),
      increment: () => this.increment(),
      delete: () => this.delete(),
      saveMany: () => this.saveMany(),
      visit: () => this.visit(),
      check: () => this.check(),
    };
    const names = Object.keys(operations);
    while (nextIsDue()) {
      const drawn = names[Math.floor(Math.random() * names.length)];
      const isFull = this.books.size > MOST_BOOKS;
      const name = this.books.size === 0 ? 'insert' : isFull && drawn === 'insert' ? 'delete' : drawn;
      await operations[name]().catch((error: ClusterError) =>
        this.wrong.push(`${name}: ${error.code} ${error.message}`),
      );
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    }
  }

  private async insert(): Promise<void> {
    const book = await this.all.insert(this.newBook());
    this.keep(book);
  }

  private async save(): Promise<void> {
    const [id, known] = this.any();
    const book = await this.all.findOneOrFail(this.key(id));
    this.expectSame(`read of ${id}`, known, book);
    await this.all.save(Object.assign(book, { note: this.fresh(), state: this.state() }));
    this.expectVersion('save', book.version, known);
    this.keep(book);
  }

  private async update(): Promise<void> {
    const [id, known] = this.any();
    const patch = { state: this.state(), isbn: this.fresh() };
    const { version } = await this.all.update(this.key(id), patch, { ifVersion: known.version });
    this.expectVersion('update', version, known);
    Object.assign(known, patch, { version });
  }

  private async upsert(): Promise<void> {
    const [id, known] = this.any();
    const book = this.newBook();
    await this.all.upsert(Object.assign(book, { id }));
    this.expectVersion('upsert', book.version, known);
    this.books.set(id, { ...pickKnown(book), loans: known.loans });
  }

  private async increment(): Promise<void> {
    const [id, known] = this.any();
    known.loans++;
    const loans = await this.all.increment(this.key(id), 'loans');
    if (loans !== known.loans) this.wrong.push(`increment: ${loans} instead of ${known.loans}`);
  }

  private async delete(): Promise<void> {
    const [id] = this.any();
    const { deleted } = await this.all.delete(this.key(id));
    if (!deleted) this.wrong.push('delete: of nothing');
    this.books.delete(id);
  }

  private async saveMany(): Promise<void> {
    const [id, known] = this.any();
    const book = await this.all.findOneOrFail(this.key(id));
    Object.assign(book, { note: this.fresh() });
    const others = this.books.size > MOST_BOOKS ? [] : [this.newBook(), this.newBook()];
    const taken = Object.assign(this.newBook(), { isbn: known.isbn });
    const [refused, saved, ...inserted] = await this.all.saveMany([taken, book, ...others]);
    if (refused.ok || (refused.error as ClusterError).code !== 'UNIQUE_VIOLATION')
      this.wrong.push('saveMany: a taken isbn was not refused');
    for (const result of [saved, ...inserted]) {
      if (!result.ok) throw result.error;
      if (result === saved) this.expectVersion('saveMany', book.version, known);
      this.keep(result.value);
    }
  }

  /** Of what all count. */
  private async visit(): Promise<void> {
    await this.shelves.increment(this.shelfId, 'visits');
    this.visits++;
  }

  /** Of what all compare and set: a conflict is real, so whoever met one has written nothing. */
  private async check(): Promise<void> {
    const shelf = await this.shelves.findOneOrFail(this.shelfId);
    shelf.checked++;
    try {
      await this.shelves.save(shelf);
      this.checks++;
    } catch (error) {
      if ((error as ClusterError).code !== 'VERSION_CONFLICT') throw error;
    }
  }

  private newBook(): Book {
    const id = this.fresh();
    return this.all.create({ shelfId: this.shelfId, id, isbn: `isbn ${id}`, state: this.state() });
  }

  private keep(book: Book): void {
    const { loans } = this.books.get(book.id) ?? { loans: 0 };
    this.books.set(book.id, { ...pickKnown(book), loans });
  }

  private expectSame(what: string, known: KnownBook, book: Book): void {
    const [due, found] = [JSON.stringify(known), JSON.stringify(pickKnown(book))];
    if (due !== found) this.wrong.push(`${what}: ${found} instead of ${due}`);
  }

  private expectVersion(what: string, version: number, known: KnownBook): void {
    if (version !== known.version + 1)
      this.wrong.push(`${what}: ${version - known.version} versions at once`);
  }

  private key(id: string): { shelfId: string; id: string } {
    return { shelfId: this.shelfId, id };
  }

  private any(): [string, KnownBook] {
    return [...this.books][Math.floor(Math.random() * this.books.size)];
  }

  private fresh(): string {
    return `${this.number}-${++this.serial}`;
  }

  private state(): string {
    return ['new', 'read', 'lent'][Math.floor(Math.random() * 3)];
  }
}

/** In an order of its own, to be compared as text. */
export const pickKnown = ({ isbn, state, note, loans, version }: KnownBook): KnownBook => ({
  isbn,
  state,
  note,
  loans,
  version,
});
