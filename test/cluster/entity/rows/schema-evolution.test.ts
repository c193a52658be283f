import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  type EntityClass,
  Index,
  InvalidArgumentError,
  type MigrationProgress,
  PartitionKey,
  PrimaryKey,
  Property,
  SchemaError,
  SchemaMismatchError,
  Unique,
  UpdatedAt,
} from 'keyslot';
import { Order, freshId, sharedClient } from '../fixtures.js';

// Two versions of a class have the same name. Each test has names of its own, so that it has schema records of its own.
const cluster = sharedClient();

const repositoryOf = <E extends object>(type: EntityClass<E>): ClusterRepository<E> =>
  createRepositories(cluster.client, [Order, type]).repository(type);
const start = async (...types: EntityClass[]): Promise<void> =>
  createRepositories(cluster.client, [Order, ...types]).checkSchemas();
const faultsOf = (type: EntityClass): readonly string[] => {
  try {
    createRepositories(cluster.client, [Order, type]);
    return [];
  } catch (error) {
    if (error instanceof SchemaError) return error.faults;
    throw error;
  }
};
const uniqueName = (): string => `Evolved${freshId().replaceAll('-', '_')}`;

describe('default, required and maxLength', () => {
  @ClusterEntity({ name: 'Plan' })
  class OldPlan {
    @PrimaryKey() id!: string;
    @Property() title?: string;
  }
  @ClusterEntity({ name: 'Plan' })
  class Plan {
    @PrimaryKey() id!: string;
    @Property({ required: true, maxLength: 5 }) title!: string;
    @Property({ default: 3 }) priority!: number;
    @Property({ type: () => [String], default: () => ['new'], maxLength: 2 }) labels!: string[];
    @Property({ maxLength: 2 }) seal?: Buffer;
    @Property({ enum: ['open', 'done'], default: 'open' }) state!: 'open' | 'done';
  }
  let plans: ClusterRepository<Plan>;
  let old: ClusterRepository<OldPlan>;
  let id: string;
  beforeEach(() => {
    plans = repositoryOf(Plan);
    old = repositoryOf(OldPlan);
    id = freshId();
  });
  const refused = (property: string, message: RegExp): object => ({
    name: InvalidArgumentError.name,
    argument: property,
    message: expect.stringMatching(message),
  });

  it('old rows and new entities have the defaults', async () => {
    await old.insert(old.create({ id, title: 'a' }));
    const found = await plans.findOneOrFail(id);
    expect(found).toMatchObject({ priority: 3, labels: ['new'], state: 'open' });
    const before = await cluster.client.hgetall(plans.keyOf(id));
    await plans.save(found);
    expect(await cluster.client.hgetall(plans.keyOf(id))).toEqual(before);
    expect(await plans.findOne(id, { select: ['labels', 'state'] })).toEqual({
      id,
      labels: ['new'],
      state: 'open',
    });
    found.labels.push('x');
    await plans.save(found);
    expect((await plans.findOneOrFail(id)).labels).toEqual(['new', 'x']);
    expect(plans.create({ id })).toMatchObject({ priority: 3, labels: ['new'] });
    const byHand = Object.assign(new Plan(), { id: freshId(), title: 'b' });
    await plans.insert(byHand);
    expect(byHand.priority).toBe(3);
    expect(await cluster.client.hget(plans.keyOf(byHand.id), 'priority')).toBe('3');
  });

  it('a removed value stays removed', async () => {
    await plans.insert(plans.create({ id, title: 'a' }));
    await plans.update(id, { priority: null as never });
    expect((await plans.findOneOrFail(id)).priority).toBeUndefined();
  });

  it('writes reject entities without a required value; reads accept such rows', async () => {
    const title = refused('title', /Plan\.title is required and has no value/);
    await expect(plans.insert(plans.create({ id }))).rejects.toMatchObject(title);
    await expect(plans.upsert(plans.create({ id }))).rejects.toMatchObject(title);
    await expect(plans.update(id, { title: null as never })).rejects.toMatchObject(title);
    expect(await plans.exists(id)).toBe(false);
    await old.insert(old.create({ id }));
    const found = await plans.findOneOrFail(id);
    expect(found.title).toBeUndefined();
    await expect(plans.save(Object.assign(found, { state: 'done' }))).rejects.toMatchObject(title);
    await plans.save(Object.assign(found, { title: '' }));
  });

  it('writes reject values that are too long; reads accept them', async () => {
    const long = (property: string, most: number, got: number): object =>
      refused(property, new RegExp(`Plan\\.${property} must have a length of at most ${most}; got ${got}`));
    await expect(plans.insert(plans.create({ id, title: 'abcdef' }))).rejects.toMatchObject(
      long('title', 5, 6),
    );
    await plans.insert(plans.create({ id, title: 'abcde', seal: Buffer.from('ab') }));
    await expect(plans.update(id, { title: 'abcdef' })).rejects.toMatchObject(long('title', 5, 6));
    await expect(plans.update(id, { seal: Buffer.from('abc') })).rejects.toMatchObject(long('seal', 2, 3));
    await expect(plans.update(id, { labels: ['1', '2', '3'] })).rejects.toMatchObject(long('labels', 2, 3));
    await old.update(id, { title: 'much longer' });
    const found = await plans.findOneOrFail(id);
    await plans.save(Object.assign(found, { state: 'done' })); // the title is unchanged
    expect(await plans.findOneOrFail(id)).toMatchObject({ title: 'much longer', state: 'done' });
  });
});

describe('faults of the options', () => {
  it('are told with the class', () => {
    class Part {
      @Property({ default: 'x' }) a!: string;
    }
    @ClusterEntity({ name: 'Faulty', dropped: 'x' as never })
    class Faulty {
      @PrimaryKey() id!: string;
      @Property({ default: 'x' }) a: string = 'y';
      @Property({ type: Number, default: 'x' }) b!: number;
      @Property({ type: Object, default: {} }) c!: object;
      @Property({ type: Number, maxLength: 3 }) d!: number;
      @Property({ maxLength: 0 }) e!: string;
      @Property({ required: 'yes' as never }) f!: string;
      @Property({ renamedFrom: 'a' }) g!: string;
      @Property({ renamedFrom: ['x', 'x'] }) h!: string;
      @Property({ keepFormer: true }) i!: string;
      @Property({ convertFrom: {} as never }) j!: string;
      @Property({ convertFrom: { type: String, convert: (text: string) => text } }) k!: string;
      @Property({ convertFrom: { type: Number, converts: 1, convert: String } as never }) l!: string;
      @Property({ type: () => Part }) part?: Part;
    }
    expect(faultsOf(Faulty)).toEqual([
      'Faulty.a has a default and an initializer: keep one of the two',
      'Faulty.b has a default that must be a finite number; got a string',
      'Faulty.c has a default that is an object: give a function that returns a new one, () => …',
      'Faulty.d has maxLength, and a finite number has no length: strings, Buffers and arrays have one',
      'Faulty.e has maxLength: 0: it must be a whole number from 1',
      'Faulty.f has required with a string: it must be true or false',
      "Faulty.g has renamedFrom: 'a', but the class has this property: remove it, or leave renamedFrom out",
      'Faulty.h has renamedFrom with one name twice',
      'Faulty.i has keepFormer without renamedFrom',
      'Faulty.j has convertFrom without convert, a function, such as { type: String, convert: (text: string) => Number(text) }',
      expect.stringContaining('Faulty.k has convertFrom with a type that is stored like its own, as text'),
      'Faulty.l has the unknown option converts of convertFrom (did you mean convert?); known are type, enum, transformer, convert',
      'Part.a has default, which a property of an embedded value cannot have',
      "Faulty has the option dropped, which must be a list of former properties, such as ['title']",
    ]);
  });
});

describe('a renamed property', () => {
  const versions = (name = uniqueName()) => {
    @ClusterEntity({ name, partition: () => Order })
    class Old {
      @PartitionKey() orderId!: string;
      @PrimaryKey() id!: string;
      @Index() @Property() title?: string;
      @Property() other?: string;
    }
    @ClusterEntity({ name, partition: () => Order })
    class New {
      @PartitionKey() orderId!: string;
      @PrimaryKey() id!: string;
      @Index() @Unique({ name: 'label' }) @Property({ renamedFrom: 'title' }) name?: string;
      @Property() other?: string;
      @UpdatedAt() updatedAt?: Date;
    }
    @ClusterEntity({ name, partition: () => Order })
    class Undeclared {
      @PartitionKey() orderId!: string;
      @PrimaryKey() id!: string;
      @Index() @Property() name?: string;
      @Property() other?: string;
      @UpdatedAt() updatedAt?: Date;
    }
    return { name, Old, New, Undeclared };
  };
  const orderId = freshId();
  const key = { orderId, id: '1' };
  const stored = (repository: ClusterRepository<never>): Promise<Record<string, string>> =>
    cluster.client.hgetall(repository.keyOf(key as never));

  it('is read from its former field, and moves with the next write', async () => {
    const { Old, New } = versions();
    const [old, recent] = [repositoryOf(Old), repositoryOf(New)];
    await old.insert(old.create({ ...key, title: 'a' }));
    expect(await recent.findOne(key)).toMatchObject({ name: 'a' });
    expect(await recent.findOne(key, { select: ['name'] })).toEqual({ ...key, name: 'a' });
    await recent.save(await recent.findOneOrFail(key)); // nothing has changed
    expect(await stored(recent as never)).toMatchObject({ title: 'a' });
    await recent.save(Object.assign(await recent.findOneOrFail(key), { other: 'x' }));
    const fields = await stored(recent as never);
    expect(fields).toMatchObject({ name: 'a', other: 'x' });
    expect(fields).not.toHaveProperty('title');
  });

  it('a later write of an older version wins', async () => {
    const { Old, New } = versions();
    const [old, recent] = [repositoryOf(Old), repositoryOf(New)];
    await recent.insert(recent.create({ ...key, name: 'new' }));
    await old.update(key, { title: 'newer' });
    expect((await recent.findOneOrFail(key)).name).toBe('newer');
    await recent.update(key, { name: 'newest' });
    expect((await recent.findOneOrFail(key)).name).toBe('newest');
    expect(await stored(recent as never)).not.toHaveProperty('title');
    await old.update(key, { title: 'again' });
    await recent.update(key, { name: null as never });
    expect((await recent.findOneOrFail(key)).name).toBeUndefined();
  });

  it('cannot be a condition', async () => {
    const recent = repositoryOf(versions().New);
    await expect(recent.update(key, { other: 'x' }, { where: { name: 'a' } })).rejects.toThrow(
      /cannot be a condition while it has renamedFrom or convertFrom/,
    );
  });

  it('with keepFormer both names are written', async () => {
    const { name, Old } = versions();
    @ClusterEntity({ name, partition: () => Order })
    class Both {
      @PartitionKey() orderId!: string;
      @PrimaryKey() id!: string;
      @Property({ renamedFrom: 'title', keepFormer: true }) name?: string;
    }
    const [old, both] = [repositoryOf(Old), repositoryOf(Both)];
    await both.insert(both.create({ ...key, name: 'a' }));
    expect((await old.findOneOrFail(key)).title).toBe('a');
    await old.update(key, { title: 'b' });
    const found = await both.findOneOrFail(key);
    expect(found.name).toBe('b');
    await both.save(Object.assign(found, { name: 'c' }));
    expect((await old.findOneOrFail(key)).title).toBe('c');
  });

  it('its index and unique constraint contain migrated rows', async () => {
    const { Old, New } = versions();
    await start(Old);
    const old = repositoryOf(Old);
    await old.insert(old.create({ ...key, title: 'a' }));
    await start(New);
    const recent = createRepositories(cluster.client, [Order, New]).repository(New);
    for await (const { done } of recent.reindex()) void done;
    expect(await recent.findBy({ orderId, name: 'a' })).toMatchObject([{ id: '1', name: 'a' }]);
    const { migrated, failed } = await recent.migrate();
    expect([migrated, failed]).toEqual([1, []]);
    expect(await recent.findOneBy({ orderId, name: 'a' })).toMatchObject({ id: '1' });
    await recent.update(key, { name: 'b' });
    expect(await recent.findBy({ orderId, name: 'a' })).toEqual([]);
    for await (const issue of recent.verifyIndexes({ partition: orderId })) expect(issue).toBeUndefined();
  });

  it('that is not declared stops the start, and the error names the options', async () => {
    const { name, Old, New, Undeclared } = versions();
    await start(Old);
    await expect(start(Undeclared)).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message: expect.stringContaining(
        `name is new and title, of the same form, is gone: declare @Property({ renamedFrom: 'title' }) on name to keep ` +
          `its values, or @ClusterEntity({ dropped: ['title'] }) if they are not related`,
      ),
    });
    @ClusterEntity({ name, partition: () => Order, dropped: ['title'] })
    class Unrelated {
      @PartitionKey() orderId!: string;
      @PrimaryKey() id!: string;
      @Property() name?: string;
      @Property() other?: string;
    }
    void New;
    await start(Unrelated);
    await start(Undeclared); // the record knows it by now
  });

  it('keeps its declaration until all rows are migrated, also after an older version has started again', async () => {
    const { Old, New, Undeclared } = versions();
    await start(Old);
    await start(New);
    const keep = { message: expect.stringContaining("keep renamedFrom: 'title' until migrate() is done") };
    await expect(start(Undeclared)).rejects.toMatchObject(keep);
    await start(Old); // the version before runs beside it
    const recent = repositoryOf(New);
    await recent.migrate();
    await start(Undeclared);
    await start(Old);
    await expect(start(Undeclared)).rejects.toMatchObject(keep);
    await recent.migrate();
    await start(Undeclared);
  });
});

describe('a property of another type', () => {
  const versions = (name = uniqueName()) => {
    @ClusterEntity({ name })
    class Old {
      @PrimaryKey() id!: string;
      @Property() price?: string;
    }
    @ClusterEntity({ name })
    class New {
      @PrimaryKey() id!: string;
      @Property({ convertFrom: { type: String, convert: (text: string) => Math.round(Number(text) * 100) } })
      price?: number;
    }
    @ClusterEntity({ name })
    class Renamed {
      @PrimaryKey() id!: string;
      @Property({
        renamedFrom: 'price',
        convertFrom: { type: String, convert: (text: string) => Math.round(Number(text) * 100) },
      })
      cents?: number;
    }
    @ClusterEntity({ name })
    class Undeclared {
      @PrimaryKey() id!: string;
      @Property() price?: number;
    }
    return { Old, New, Renamed, Undeclared };
  };

  it('is converted when it is read, and once only', async () => {
    const { Old, New } = versions();
    const [old, recent, id] = [repositoryOf(Old), repositoryOf(New), freshId()];
    await old.insert(old.create({ id, price: '12' }));
    expect((await recent.findOneOrFail(id)).price).toBe(1200);
    expect(await recent.findOne(id, { select: ['price'] })).toEqual({ id, price: 1200 });
    const { migrated } = await recent.migrate();
    expect(migrated).toBe(1);
    expect((await recent.findOneOrFail(id)).price).toBe(1200);
    expect((await recent.migrate()).migrated).toBe(0);
    await old.update(id, { price: '13' }); // by a process that was forgotten
    expect((await recent.findOneOrFail(id)).price).toBe(1300);
    await recent.update(id, { price: 5 });
    expect((await recent.findOneOrFail(id)).price).toBe(5);
    const fresh = await recent.insert(recent.create({ id: freshId(), price: 7 }));
    expect((await recent.findOneOrFail(fresh.id)).price).toBe(7);
  });

  it('can have another name as well', async () => {
    const { Old, Renamed } = versions();
    const [old, recent, id] = [repositoryOf(Old), repositoryOf(Renamed), freshId()];
    await old.insert(old.create({ id, price: '12' }));
    expect((await recent.findOneOrFail(id)).cents).toBe(1200);
    await recent.save(Object.assign(await recent.findOneOrFail(id), { cents: 1300 }));
    expect(await cluster.client.hgetall(recent.keyOf(id))).toMatchObject({ cents: '1300' });
    expect(await cluster.client.hexists(recent.keyOf(id), 'price')).toBe(0);
  });

  it('a value that cannot be converted is a SchemaMismatchError, and migrate() reports its row', async () => {
    const { Old, New } = versions();
    const [old, recent] = [repositoryOf(Old), repositoryOf(New)];
    await start(Old);
    const bad = await old.insert(old.create({ id: freshId(), price: 'dear' }));
    const good = await old.insert(old.create({ id: freshId(), price: '1' }));
    await expect(recent.findOne(bad.id)).rejects.toThrow(SchemaMismatchError);
    const { failed, migrated, rows } = await recent.migrate();
    expect([rows, migrated]).toEqual([2, 1]);
    expect(failed).toEqual([{ key: bad.id, error: expect.any(SchemaMismatchError) }]);
    expect(String(failed[0].error)).not.toContain('dear');
    expect((await recent.findOneOrFail(good.id)).price).toBe(100);
  });

  it('that is not declared stops the start, and so does one that is declared no longer', async () => {
    const { Old, New, Undeclared } = versions();
    await start(Old);
    const undeclared = start(Undeclared);
    await expect(undeclared).rejects.toThrow(
      /price was stored as text, and is number: @Property\(\{ convertFrom: \{ type, convert \} \}\) converts them/,
    );
    await start(New);
    await expect(start(Undeclared)).rejects.toThrow(/keep convertFrom until migrate\(\) is done/);
    await repositoryOf(New).migrate();
    await start(Undeclared);
  });
});

describe('migrate()', () => {
  const name = uniqueName();
  @ClusterEntity({ name })
  class Old {
    @PrimaryKey() id!: string;
    @Property() title?: string;
    @Property() future?: string;
  }
  @ClusterEntity({ name })
  class New {
    @PrimaryKey() id!: string;
    @Property({ renamedFrom: 'title' }) name?: string;
    @Property({ default: 3 }) priority!: number;
    @Property() size: number = 1;
  }

  it('goes on from its cursor, reports its progress, ends by a signal, and keeps unknown fields', async () => {
    await start(Old);
    const [old, recent] = [repositoryOf(Old), repositoryOf(New)];
    const ids = Array.from({ length: 60 }, () => freshId());
    for (const id of ids) await old.insert(old.create({ id, title: id, future: 'kept' }));
    const stop = new AbortController();
    const seen: MigrationProgress<New>[] = [];
    const run = recent.migrate({
      batch: 5,
      signal: stop.signal,
      onProgress: (progress) => {
        seen.push(progress);
        if (seen.length === 2) stop.abort(new Error('enough'));
      },
    });
    await expect(run).rejects.toThrow('enough');
    const last = seen.at(-1)!;
    expect(last.rows).toBeLessThan(60);
    const rest = await recent.migrate({ cursor: last.cursor, batch: 1000 });
    expect(rest).toMatchObject({ done: 1, failed: [] });
    expect(last.migrated + rest.migrated).toBe(60);
    for (const id of ids) {
      const row = await cluster.client.hgetall(recent.keyOf(id));
      expect(row).toMatchObject({ name: id, priority: '3', size: '1', future: 'kept' });
      expect(row).not.toHaveProperty('title');
    }
    expect((await recent.migrate()).migrated).toBe(0);
  });

  it('loses no write of processes of both versions', async () => {
    const [old, recent] = [repositoryOf(Old), repositoryOf(New)];
    const ids = Array.from({ length: 20 }, () => freshId());
    for (const id of ids) await old.insert(old.create({ id, title: 'first' }));
    const writes = ids.map(async (id, i) => {
      if (i % 2 === 0) await old.update(id, { title: `last ${i}` });
      else await recent.update(id, { name: `last ${i}` });
    });
    await Promise.all([recent.migrate({ batch: 3 }), ...writes]);
    const names = (await recent.findMany(ids)).map((row) => row?.name);
    expect(names).toEqual(ids.map((_, i) => `last ${i}`));
    await recent.migrate();
    expect((await recent.findMany(ids)).map((row) => row?.name)).toEqual(names);
  });

  it.each([
    [{ batch: 0 }, 'batch must be a whole number from 1 to 1000'],
    [{ cursor: 'made up' }, 'The cursor is not one that migrate() returned, got another string'],
    [{ onProgress: 5 as never }, 'onProgress must be a function'],
    [{ signal: {} as never }, 'signal must be an AbortSignal, got an object'],
  ])('rejects %j', async (options, message) => {
    await expect(repositoryOf(New).migrate(options)).rejects.toThrow(message);
  });
});
