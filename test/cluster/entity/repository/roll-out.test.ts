import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  type EntityRegistry,
  Index,
  IndexNotReadyError,
  PartitionKey,
  PrimaryKey,
  Property,
  Unique,
} from 'keyslot';
import { eventually } from '../../../cluster-fixture.js';
import { Order, freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();

class Row {
  orderId!: string;
  id!: string;
  color?: string;
  size?: number;
  mail?: string;
}

type Declare = (prototype: Row) => void;
type Rows = ClusterRepository<Row>;

/** A program: a version of a class of one name, as a process has it that has just started. */
interface Program {
  readonly rows: Rows;
  readonly registry: EntityRegistry;
}

/** Versions of one class, by what each says of indexes. */
function versionsOf(where: { alone?: boolean } = {}): (...indexes: Declare[]) => Promise<Program> {
  const name = `Item${freshId().replaceAll('-', 'x')}`;
  return async (...indexes) => {
    const type = class extends Row {};
    ClusterEntity(where.alone ? { name } : { name, partition: () => Order })(type);
    if (!where.alone) PartitionKey({ type: String })(type.prototype as Row, 'orderId');
    PrimaryKey({ type: String })(type.prototype as Row, 'id');
    Property(String)(type.prototype as Row, 'color');
    Property(Number)(type.prototype as Row, 'size');
    Property(String)(type.prototype as Row, 'mail');
    for (const declare of indexes) declare(type.prototype);
    const registry = createRepositories(cluster.client, [Order, type]);
    await registry.checkSchemas();
    return { registry, rows: registry.repository(type) };
  };
}

const color: Declare = (type) => Index()(type, 'color');
const size: Declare = (type) => Index()(type, 'size');

async function reindexed(rows: Rows, from?: string, until = 1): Promise<string> {
  let reached = '';
  for await (const { cursor, done } of rows.reindex({ cursor: from })) {
    reached = cursor;
    if (done >= until) break;
  }
  return reached;
}

const orderId = freshId();
const put = ({ rows }: Program, id: string): Promise<Row> =>
  rows.insert(rows.create({ orderId, id, color: 'red', size: 5, mail: `${id}@${orderId}` } as never));
const count = ({ rows }: Program, where: Partial<Row>): Promise<number> =>
  rows.countBy({ orderId, ...where } as never);

describe('an index that is being built', () => {
  it('stays in that state when a program without it starts', async () => {
    const version = versionsOf();
    await put(await version(), '1');
    const newer = await version(color);
    await version();
    await expect(count(newer, { color: 'red' })).rejects.toThrow(IndexNotReadyError);
    await expect(count(await version(color), { color: 'red' })).rejects.toThrow(IndexNotReadyError);
    await reindexed(newer.rows);
    expect(await count(newer, { color: 'red' })).toBe(1);
  });

  it('is not built by a program without it', async () => {
    const version = versionsOf();
    const older = await version();
    await put(older, '1');
    const newer = await version(color);
    await put(newer, '2');
    await reindexed(older.rows);
    await expect(count(newer, { color: 'red' })).rejects.toThrow(IndexNotReadyError);
    const again = await version(color);
    await expect(count(again, { color: 'red' })).rejects.toThrow(IndexNotReadyError);
    await reindexed(again.rows);
    expect(await count(newer, { color: 'red' })).toBe(2);
  });

  it('is not built by a run that had started before', async () => {
    const version = versionsOf();
    await put(await version(), '1');
    const second = await version(color);
    let third: Program | undefined;
    for await (const { done } of second.rows.reindex()) if (done < 1) third ??= await version(color, size);
    expect(await count(second, { color: 'red' })).toBe(1);
    await expect(count(third!, { size: 5 })).rejects.toThrow(IndexNotReadyError);
    expect(await count(third!, { color: 'red' })).toBe(1);
  });

  it('is not built by the rest of a run that another program started', async () => {
    const version = versionsOf();
    await put(await version(), '1');
    const cursor = await reindexed((await version(color)).rows, undefined, 0.9);
    const third = await version(color, size);
    await reindexed(third.rows, cursor);
    expect(await count(third, { color: 'red' })).toBe(1);
    await expect(count(third, { size: 5 })).rejects.toThrow(IndexNotReadyError);
    await reindexed(third.rows);
    expect(await count(third, { size: 5 })).toBe(1);
  });

  it('is not built by a run during which a program without it started', async () => {
    const version = versionsOf();
    await version();
    const newer = await version(color);
    let older: Program | undefined;
    for await (const { done } of newer.rows.reindex())
      if (done > 0.9 && !older) await put((older = await version()), '1'); // behind the run, or not
    await expect(count(newer, { color: 'red' })).rejects.toThrow(IndexNotReadyError);
  });

  it('is tracked separately for each form of its fields', async () => {
    const version = versionsOf();
    await put(await version(), '1');
    const declared = (...fields: string[]): Declare => {
      const declare = Index({ name: 'by', fields });
      return (type) => declare(type, 'color');
    };
    const one = await version(declared('color'));
    await reindexed(one.rows);
    const other = await version(declared('color', 'size'));
    await expect(count(other, { color: 'red' })).rejects.toThrow(IndexNotReadyError);
    await reindexed(other.rows);
    expect(await count(other, { color: 'red', size: 5 })).toBe(1);
    // the program that still runs rests on another form
    await eventually(() =>
      count(one, { color: 'red' }).then(
        () => false,
        (error: unknown) => error instanceof IndexNotReadyError,
      ),
    );
  });
});

describe('an index that was ready', () => {
  it('is rebuilt after a rollback, and running programs notice', async () => {
    const version = versionsOf();
    await put(await version(), '1');
    const newer = await version(color);
    await reindexed(newer.rows);
    expect(await count(newer, { color: 'red' })).toBe(1);
    await put(await version(), '2'); // rolled back
    const again = await version(color);
    await expect(count(again, { color: 'red' })).rejects.toThrow(IndexNotReadyError);
    await eventually(() =>
      count(newer, { color: 'red' }).then(
        () => false,
        (error: unknown) => error instanceof IndexNotReadyError,
      ),
    );
    await reindexed(again.rows);
    expect(await count(again, { color: 'red' })).toBe(2);
    expect(await count(newer, { color: 'red' })).toBe(2);
  });

  it('over all partitions is rebuilt after a rollback, and so is a unique constraint', async () => {
    const version = versionsOf({ alone: true });
    const everywhere: Declare = (type) => {
      Index({ scope: 'global' })(type, 'color');
      Unique({ scope: 'global' })(type, 'mail');
    };
    const add = ({ rows }: Program, id: string, mail: string): Promise<Row> =>
      rows.insert(rows.create({ id, color: 'red', mail }));
    const found = ({ rows }: Program, where: Partial<Row>): Promise<number> => rows.countBy(where as never);
    await add(await version(), '1', 'a');
    const newer = await version(everywhere);
    await reindexed(newer.rows);
    await add(await version(), '2', 'b'); // rolled back
    const again = await version(everywhere);
    await expect(found(again, { color: 'red' })).rejects.toThrow(IndexNotReadyError);
    await expect(found(again, { mail: 'b' })).rejects.toThrow(IndexNotReadyError);
    await reindexed(again.rows);
    expect(await found(again, { color: 'red' })).toBe(2);
    expect(await found(again, { mail: 'b' })).toBe(1);
    await expect(add(again, '3', 'b')).rejects.toMatchObject({ code: 'UNIQUE_VIOLATION' });
  });

  it('keeps its entries when an older running program reindexes without it', async () => {
    const version = versionsOf();
    const older = await version();
    const newer = await version(color);
    await reindexed(newer.rows);
    await put(newer, '1');
    await reindexed(older.rows);
    const issues: unknown[] = [];
    for await (const issue of newer.rows.verifyIndexes({ partition: orderId })) issues.push(issue);
    expect(issues).toEqual([]);
  });

  it('is rebuilt when the values of an enum become text', async () => {
    const name = `Enum${freshId().replaceAll('-', 'x')}`;
    const program = async (
      values: (string | number)[],
    ): Promise<ClusterRepository<{ orderId: string; id: string; s: unknown }>> => {
      const type = class {
        orderId!: string;
        id!: string;
        s: unknown;
      };
      ClusterEntity({ name, partition: () => Order })(type);
      PartitionKey({ type: String })(type.prototype, 'orderId');
      PrimaryKey({ type: String })(type.prototype, 'id');
      Property({ enum: values })(type.prototype, 's');
      Index()(type.prototype, 's');
      const registry = createRepositories(cluster.client, [Order, type]);
      await registry.checkSchemas();
      return registry.repository(type);
    };
    const numbers = await program([0, 1]);
    await numbers.insert(numbers.create({ orderId, id: '1', s: 1 }));
    expect(await numbers.countBy({ orderId, s: 1 } as never)).toBe(1);
    const texts = await program(['0', '1']);
    await expect(texts.countBy({ orderId, s: '1' } as never)).rejects.toThrow(IndexNotReadyError);
    for await (const { unresolved } of texts.reindex()) expect(unresolved).toEqual([]);
    expect(await texts.countBy({ orderId, s: '1' } as never)).toBe(1);
  });
});
