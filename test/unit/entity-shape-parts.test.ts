import {
  assertShape,
  ClusterEntity,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Unique,
  Version,
} from 'keyslot';

@ClusterEntity({ name: 'Hall' })
class Hall {
  @PrimaryKey({ type: String }) id!: string;
}

@ClusterEntity({ name: 'Seat', partition: () => Hall })
class Seat {
  @PartitionKey({ type: String }) hallId!: string;
  @PrimaryKey({ type: String }) id!: string;
  @Unique({ scope: 'global' }) @Property(String) mail?: string;
  @Index() @Property(String) state?: string;
  @Version() version!: number;
  get label(): string {
    return this.id;
  }
}

const whole = { key: { hallId: true, id: true }, indexed: { mail: true, state: true } };
const check = (parts: object) => () => assertShape(Seat as never, { ...whole, ...parts } as never);

describe('the optional parts of a Shape', () => {
  it('are not required', () => {
    expect(check({})).not.toThrow();
  });

  it('are accepted', () => {
    const fixed = { version: true, label: true };
    expect(check({ partition: { hallId: true }, global: { mail: true }, fixed })).not.toThrow();
  });

  it.each([
    ['another partition key', { partition: { id: true } }, "hallId is missing from 'partition' of the Shape"],
    ['an index of a partition', { global: { mail: true, state: true } }, "state is in 'global' of the Shape"],
    ['no global one', { global: {} }, "mail is missing from 'global' of the Shape"],
    ['a stored property', { fixed: { state: true } }, "state is in 'fixed' of the Shape, but is stored"],
    ['a key', { fixed: { hallId: true } }, "hallId is in 'fixed' of the Shape, but is stored"],
  ])('detect %s', (_what, parts, message) => {
    expect(check(parts)).toThrow(message);
  });
});
