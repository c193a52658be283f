import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import {
  ClusterEntity,
  type ClusterRepository,
  createRepositories,
  Embedded,
  type EntityClass,
  PrimaryKey,
  Property,
  UpdatedAt,
} from 'keyslot';
import { freshId, sharedClient } from '../fixtures.js';

const cluster = sharedClient();
const repositoryOf = <E extends object>(type: EntityClass<E>): ClusterRepository<E> =>
  createRepositories(cluster.client, [type]).repository(type);

class AddressOfOld {
  @Property() city?: string;
}
class AddressOfNew {
  @Property() zip?: string;
  @Property() city?: string;
}

/** A number with two digits behind the point, as an object of a class with what cannot be seen. */
class Money {
  #cents: bigint;

  constructor(text: string) {
    const [whole, part = ''] = text.split('.');
    this.#cents = BigInt(whole + part.padEnd(2, '0'));
  }

  toString(): string {
    return `${this.#cents / 100n}.${String(this.#cents % 100n).padStart(2, '0')}`;
  }
}
const money = { to: (value: Money) => value.toString(), from: (text: string) => new Money(text) };

const secret = randomBytes(32);
const encrypted = {
  to(value: string) {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('chacha20-poly1305', secret, nonce, { authTagLength: 16 });
    return Buffer.concat([nonce, cipher.update(value), cipher.final()]).toString('hex');
  },
  from(text: string) {
    const bytes = Buffer.from(text, 'hex');
    const decipher = createDecipheriv('chacha20-poly1305', secret, bytes.subarray(0, 12), {
      authTagLength: 16,
    });
    return decipher.update(bytes.subarray(12)).toString();
  },
};

@ClusterEntity({ name: 'Parcel' })
class OldParcel {
  @PrimaryKey() id!: string;
  @Property() state?: string;
  @Embedded(() => AddressOfOld) to?: AddressOfOld;
  @Property(() => [AddressOfOld]) stops?: AddressOfOld[];
  @Property(Object) extra?: unknown;
  @Property(() => [Number]) numbers?: number[];
  @Property() due?: Date;
  @Property({ type: String, transformer: money }) price?: Money;
  @Property({ type: String, transformer: encrypted }) note?: string;
  @UpdatedAt() updatedAt!: Date;
}

@ClusterEntity({ name: 'Parcel' })
class NewParcel {
  @PrimaryKey() id!: string;
  @Property() state?: string;
  @Embedded(() => AddressOfNew) to?: AddressOfNew;
  @Property(() => [AddressOfNew]) stops?: AddressOfNew[];
}

let old: ClusterRepository<OldParcel>;
let recent: ClusterRepository<NewParcel>;
beforeAll(() => {
  old = repositoryOf(OldParcel);
  recent = repositoryOf(NewParcel);
});

const stored = (id: string): Promise<Record<string, string>> => cluster.client.hgetall(old.keyOf(id));
const written = async (fields: Record<string, string> = {}): Promise<string> => {
  const { id } = await old.insert(old.create({ id: freshId(), state: 'new' }));
  if (Object.keys(fields).length > 0) await cluster.client.hset(old.keyOf(id), fields);
  return id;
};

describe('a save without a change sends nothing', () => {
  it.each<[string, Record<string, string>]>([
    ['a part of an embedded value that the class does not know', { to: '{"zip":"8000","city":"Z"}' }],
    ['such a part in a list', { stops: '[{"zip":"1","city":"a"},null]' }],
    ['properties in another order', { to: '{"city":"Z","a":{"b":[1]}}' }],
    ['JSON with white space, and numbers written otherwise', { extra: ' { "b": 1.0, "a": "\\u0061" }' }],
    [
      'JSON numbers that JavaScript rounds',
      { extra: '{"n":12345678901234567890}', numbers: '[9007199254740993]' },
    ],
    ['null in JSON', { extra: 'null' }],
    ['a Date with zeros before it', { due: '0005' }],
    ['text of a transformer that it would write otherwise', { price: '1.5' }],
  ])('%s', async (_what, fields) => {
    const id = await written(fields);
    const before = await stored(id);
    await old.save(await old.findOneOrFail(id));
    expect(await stored(id)).toEqual(before);
    expect(before).toMatchObject(fields);
  });

  it('with a transformer that returns different text each time', async () => {
    const { id } = await old.insert(old.create({ id: freshId(), note: 'for you alone' }));
    const before = await stored(id);
    const parcel = await old.findOneOrFail(id);
    await old.save(parcel);
    expect(await stored(id)).toEqual(before);
    await old.save(Object.assign(parcel, { note: 'for all' }));
    expect((await old.findOneOrFail(id)).note).toBe('for all');
  });

  it('but detects changes in internal state of an object', async () => {
    const { id } = await old.insert(old.create({ id: freshId(), price: new Money('1.5') }));
    const parcel = await old.findOneOrFail(id);
    await old.save(Object.assign(parcel, { price: new Money('1.6') }));
    expect(String((await old.findOneOrFail(id)).price)).toBe('1.60');
  });
});

describe('a save writes only changes', () => {
  it('preserves what newer code has added to embedded values', async () => {
    const { id } = await recent.insert(
      recent.create({
        id: freshId(),
        to: { zip: '8000', city: 'Z' },
        stops: [
          { zip: '1', city: 'a' },
          { zip: '2', city: 'b' },
        ],
      }),
    );
    const parcel = await old.findOneOrFail(id);
    await old.save(Object.assign(parcel, { state: 'sent' }));
    expect(await recent.findOneOrFail(id)).toMatchObject({ state: 'sent', to: { zip: '8000' } });
    parcel.to!.city = 'Zurich';
    parcel.stops!.shift();
    parcel.stops!.push(Object.assign(new AddressOfOld(), { city: 'c' }));
    await old.save(parcel);
    expect(await recent.findOneOrFail(id)).toMatchObject({
      to: { zip: '8000', city: 'Zurich' },
      stops: [
        { zip: '2', city: 'b' },
        { zip: undefined, city: 'c' },
      ],
    });
  });

  it('treats names such as __proto__ in embedded values as data', async () => {
    const id = await written({ to: '{"__proto__":{"polluted":true},"city":"Z"}' });
    const parcel = await old.findOneOrFail(id);
    parcel.to!.city = 'Y';
    await old.save(parcel);
    expect((await stored(id)).to).toBe('{"city":"Y","__proto__":{"polluted":true}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('leaves numbers that JavaScript rounds unchanged; writing them rounded is rejected', async () => {
    const numbers = { extra: '{"n":12345678901234567890,"m":1}', numbers: '[9007199254740993,1]' };
    const id = await written(numbers);
    const parcel = await old.findOneOrFail(id);
    await old.save(Object.assign(parcel, { state: 'sent' }));
    expect(await stored(id)).toMatchObject({ ...numbers, state: 'sent' });
    (parcel.extra as { m: number }).m = 2;
    await expect(old.save(parcel)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', applied: false });
    expect(await stored(id)).toMatchObject(numbers);
    parcel.extra = { n: 'as text', m: 2 };
    await old.save(parcel);
    expect((await stored(id)).extra).toBe('{"n":"as text","m":2}');
  });

  it('replaces a JSON null when it gets a value', async () => {
    const id = await written({ extra: 'null' });
    const parcel = await old.findOneOrFail(id);
    await old.save(Object.assign(parcel, { extra: [1] }));
    expect((await stored(id)).extra).toBe('[1]');
  });
});

describe('a property that was added with a default', () => {
  class Settings {
    @Property() color: string = 'blue';
    @Property() size?: number;
  }

  @ClusterEntity({ name: 'Profile' })
  class Profile {
    @PrimaryKey() id!: string;
    @Property() name?: string;
    @Property() rank: number = 3;
    @Property(() => [String]) tags: string[] = ['new'];
    @Embedded(() => Settings) settings?: Settings;
  }

  let profiles: ClusterRepository<Profile>;
  beforeAll(() => {
    profiles = repositoryOf(Profile);
  });

  it('has its default in rows that were stored before, and an unchanged one is not written', async () => {
    const id = freshId();
    await cluster.client.hset(profiles.keyOf(id), { name: 'Ada', settings: '{"size":1}' });
    const profile = await profiles.findOneOrFail(id);
    expect(profile).toMatchObject({ rank: 3, tags: ['new'], settings: { color: 'blue', size: 1 } });
    await profiles.save(profile);
    expect(await cluster.client.hlen(profiles.keyOf(id))).toBe(2);
    profile.tags.push('b');
    await profiles.save(profile);
    const row = await cluster.client.hgetall(profiles.keyOf(id));
    expect(row).toMatchObject({ tags: '["new","b"]' });
    expect(row).not.toHaveProperty('rank');
  });

  it.each<[string, (id: string) => Promise<unknown>]>([
    [
      'save',
      async (id) =>
        profiles.save(Object.assign(await profiles.findOneOrFail(id), { rank: undefined, tags: null })),
    ],
    ['update', (id) => profiles.update(id, { rank: null, tags: null } as never)],
    [
      'upsert',
      (id) => profiles.upsert(Object.assign(profiles.create({ id }), { rank: null, tags: undefined })),
    ],
  ])(
    'does not get it back after %s has removed its value, and accepts the next value',
    async (_how, remove) => {
      const { id } = await profiles.insert(profiles.create({ id: freshId() }));
      await remove(id);
      const profile = await profiles.findOneOrFail(id);
      expect([profile.rank, profile.tags]).toEqual([undefined, undefined]);
      const before = await cluster.client.hgetall(profiles.keyOf(id));
      await profiles.save(profile);
      expect(await cluster.client.hgetall(profiles.keyOf(id))).toEqual(before);
      await profiles.update(id, { rank: 4 });
      await profiles.save(Object.assign(await profiles.findOneOrFail(id), { tags: ['x'] }));
      expect(await profiles.findOneOrFail(id)).toMatchObject({ rank: 4, tags: ['x'] });
      expect(Object.keys(await cluster.client.hgetall(profiles.keyOf(id)))).not.toContainEqual(
        expect.stringMatching(/^~n/),
      );
    },
  );

  it('stays removed in an embedded value, too', async () => {
    const id = freshId();
    await profiles.insert(profiles.create({ id, settings: { size: 1 } as Settings }));
    const profile = await profiles.findOneOrFail(id);
    expect(profile.settings!.color).toBeUndefined();
  });
});
