import {
  ClusterEntity,
  type EntityClass,
  InvalidArgumentError,
  keySlot,
  PartitionKey,
  PrimaryKey,
} from 'keyslot';
import { MAX_ID_BYTES, entityKey, entityKeyIn, partitionTag } from '../../lib/entity/keys/entity-key.js';
import { SchemaRegistry } from '../../lib/entity/rows/schema-registry.js';

@ClusterEntity({ name: 'Order' })
class Order {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'OrderItem', partition: () => Order })
class OrderItem {
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Counted' })
class Counted {
  @PrimaryKey() id!: number;
}

@ClusterEntity({ name: 'Large' })
class Large {
  @PrimaryKey() id!: bigint;
}

const schemaOf = (type: EntityClass) => new SchemaRegistry().mapper(type).schema;
const order = schemaOf(Order);
const item = schemaOf(OrderItem);

describe('the key of an entity', () => {
  it('contains the partition as a hash tag', () => {
    expect(entityKey(order, '42').row).toBe('{Order:42}:Order:42');
    expect(entityKey(order, { id: '42' }).row).toBe('{Order:42}:Order:42');
    expect(entityKey(item, { orderId: '42', id: '7' }).row).toBe('{Order:42}:OrderItem:7');
    expect(partitionTag(order, '42')).toBe(partitionTag(item, '42'));
  });

  it('escapes characters that would change the slot or the parts of a key', () => {
    expect(entityKey(order, 'a}{b:c%d~e\n').row).toBe(
      '{Order:a%7D%7Bb%3Ac%25d%7Ee%0A}:Order:a%7D%7Bb%3Ac%25d%7Ee%0A',
    );
    expect(entityKey(order, 'Grüße 😀/?').row).toBe('{Order:Grüße 😀/?}:Order:Grüße 😀/?');
  });

  it('is unique per id, whatever the ids contain, and in the slot of its partition', () => {
    const alphabet = [
      '{',
      '}',
      ':',
      '%',
      '~',
      '\0',
      '\n',
      '\x7f',
      '\x85',
      ' ',
      '2',
      '5',
      '7',
      'B',
      'D',
      'a',
      'é',
      '😀',
    ];
    const random = (): string => {
      let id = '';
      do id += alphabet[Math.floor(Math.random() * alphabet.length)];
      while (Math.random() < 0.8);
      return id;
    };
    const rows = new Map<string, string>();
    for (let i = 0; i < 100_000; i++) {
      const given = { orderId: random(), id: random() };
      const tuple = JSON.stringify(given);
      const key = entityKey(item, given);
      if (rows.has(key.row) && rows.get(key.row) !== tuple)
        throw new Error(`${tuple} and ${rows.get(key.row)}`);
      rows.set(key.row, tuple);
      if (keySlot(key.row) !== keySlot(entityKey(order, given.orderId).row))
        throw new Error(`slot of ${tuple}`);
      const { id, partition } = entityKeyIn(item, key.tag, key.idText);
      if (id !== given.id || partition !== given.orderId) throw new Error(`ids of ${tuple}`);
    }
    expect(rows.size).toBeGreaterThan(50_000);
  });

  it.each([
    undefined,
    null,
    '',
    {},
    { id: undefined },
    true,
    NaN,
    1.5,
    [],
    Symbol('s'),
    '\ud800',
    'x'.repeat(MAX_ID_BYTES + 1),
    '{'.repeat(171),
  ])('cannot contain %p', (id) => {
    expect(() => entityKey(order, id)).toThrow(InvalidArgumentError);
    expect(() => entityKey(order, id)).toThrow('Order.id');
  });

  it('can be as long as the limit', () => {
    expect(entityKey(order, 'x'.repeat(MAX_ID_BYTES)).row).toContain('xxx');
  });

  it('names what is missing', () => {
    expect(() => entityKey(item, '7')).toThrow(
      'The key of OrderItem is an object { orderId, id }, got a string',
    );
    expect(() => entityKey(item, { id: '7' })).toThrow(
      'OrderItem.orderId is missing (undefined). The key of OrderItem is an object { orderId, id }',
    );
    expect(() => entityKey(item, { orderId: '1', status: 'open' })).toThrow(
      'OrderItem.id is missing (undefined). The key of OrderItem is an object { orderId, id }',
    );
  });

  it('returns ids in the type of their property, with one text per id', () => {
    expect(entityKey(order, 42).id).toBe('42');
    expect(entityKey(schemaOf(Counted), '42')).toMatchObject({ id: 42, idText: '42' });
    expect(entityKey(schemaOf(Counted), -0)).toMatchObject({ id: 0, idText: '0' });
    expect(entityKey(schemaOf(Large), 42)).toMatchObject({ id: 42n, idText: '42' });
    expect(entityKey(schemaOf(Large), '12345678901234567890').id).toBe(12345678901234567890n);
    for (const id of ['042', '4e1', ' 42', '9007199254740993', 2 ** 53, 'x'])
      expect(() => entityKey(schemaOf(Counted), id)).toThrow(InvalidArgumentError);
  });
});
