import {
  assertShape,
  ClusterEntity,
  type EntityClass,
  Index,
  PrimaryKey,
  Property,
  SchemaError,
  Unique,
} from 'keyslot';
import { entityKey } from '../../lib/entity/keys/entity-key.js';
import { bucketOf, bucketsOf, keyOfReference, referenceOf } from '../../lib/entity/keys/global-entry.js';
import { definitionOf, misfits } from '../../lib/entity/records/schema-definition.js';
import { SchemaRegistry } from '../../lib/entity/rows/schema-registry.js';
import { Device, User } from '../cluster/entity/global/fixtures.js';

function faultsOf(type: EntityClass): readonly string[] {
  try {
    new SchemaRegistry().register([type]);
  } catch (error) {
    if (error instanceof SchemaError) return error.faults;
    throw error;
  }
  return [];
}

describe('global indexes and unique constraints of a class', () => {
  it('report all their faults at once', () => {
    @ClusterEntity({ name: 'Wrong' })
    class Wrong {
      @PrimaryKey() id!: string;
      @Index({ scope: 'all' as 'global' }) @Property() a!: string;
      @Index({ scope: 'global', buckets: 17 }) @Property() b!: string;
      @Unique({ scope: 'global', ...{ buckets: 2 } }) @Property() c!: string;
      @Index({ scope: 'global', name: 'a:b' }) @Property() d!: string;
      @Unique({ scope: 'global' }) @Property() e!: Buffer;
      @Unique({ scope: 'global', name: 'b' }) @Property() f!: string;
    }
    expect(faultsOf(Wrong)).toEqual([
      `Wrong has the index 'a' of the scope "all": 'partition' or 'global'`,
      "Wrong has the index 'b' with buckets: 17: it must be a whole number from 1 to 16",
      "Wrong has the unique 'c' with buckets, which only a global index can have",
      "Wrong has the index 'a:b': letters, digits, _ - and . are allowed in its name",
      expect.stringMatching(/^Wrong\.e is in the unique 'e', and .* has no order$/),
      "Wrong has two indexes with the same name 'b'",
    ]);
  });

  it('are recorded in the schema record by name', () => {
    const stored = definitionOf(new SchemaRegistry().mapper(Device).schema);
    expect(misfits(stored, stored)).toEqual([]);
    expect(misfits({ ...stored, globals: undefined }, stored)).toEqual([]);
    expect(misfits(stored, { ...stored, globals: undefined })).toEqual([]);
    const spread = { ...stored.globals, kind: 'index of kind spread over 1' };
    expect(misfits(stored, { ...stored, globals: spread })).toEqual([
      "global 'kind' was stored as index of kind spread over 4, and is index of kind spread over 1: give it another name",
    ]);
  });

  it('count as indexed in a Shape', () => {
    const indexed = { email: true, team: true, age: true, nick: true, realm: true } as const;
    expect(() => assertShape(User, { key: { id: true }, indexed })).not.toThrow();
    expect(() =>
      assertShape(Device, {
        key: { userId: true, id: true },
        indexed: { serial: true, kind: true, slot: true },
      }),
    ).not.toThrow();
  });
});

describe('the keys of global indexes and unique constraints', () => {
  const registry = new SchemaRegistry();
  const [users, devices] = [User, Device].map((type) => registry.mapper(type).schema);
  const [email, team, kind] = [users.globals, users.globals, devices.globals].map((globals, i) =>
    globals.find(({ name }) => name === ['email', 'team', 'kind'][i])!,
  );
  const key = entityKey(users, '42');

  it('are derived from the value', () => {
    expect(bucketOf({ schema: users, index: email, key, encodings: 'ada@example.org' })).toBe(
      '{~g:User:email:3c}:uq',
    );
    expect(bucketOf({ schema: users, index: team, key, encodings: 'crew' })).toBe('{~g:User:team:4}:ix');
    expect(bucketsOf(team, 'crew')).toEqual(['{~g:User:team:4}:ix']);
    expect(bucketsOf(kind, 'crew')).toHaveLength(4);
    expect(new Set(bucketsOf(kind)).size).toBe(16);
    expect(new Set(bucketsOf(email)).size).toBe(256);
  });

  it('include every row of a value in one of the keys that a query reads', () => {
    const known = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const device = entityKey(devices, { userId: `u${i}`, id: `${i}` });
      const bucket = bucketOf({ schema: devices, index: kind, key: device, encodings: 'phone' });
      expect(bucketsOf(kind, 'phone')).toContain(bucket);
      known.add(bucket);
    }
    expect(known.size).toBe(4);
  });

  it('name rows unambiguously, whatever their ids', () => {
    for (const id of ['1', 'a:b', '{x}', '%', '~', 'é', '\0', ' ']) {
      const user = entityKey(users, id);
      expect(keyOfReference(users, referenceOf(user))).toEqual(user);
      const device = entityKey(devices, { userId: id, id: `${id}${id}` });
      expect(keyOfReference(devices, referenceOf(device))).toEqual(device);
    }
  });
});
