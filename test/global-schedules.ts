import * as fc from 'fast-check';

/** What one operation of a schedule does; numbers name rows and values. */
export interface Operation {
  readonly does: 'put' | 'patch' | 'delete' | 'expire' | 'sweep';
  readonly row: number;
  readonly email: number | null;
  readonly team: number | null;
  /** How often it waits for an entry that another write has left. */
  readonly patience: number;
  /** How many steps it makes before it crashes. */
  readonly crashAfter: number | undefined;
}

/** Operations that go on at once, and the order of their steps. */
export interface Schedule {
  readonly operations: readonly Operation[];
  /** Which of those that wait goes on. */
  readonly turns: fc.Stream<number>;
  /** Which steps are made once more, for want of a reply. */
  readonly repeats: fc.Stream<boolean>;
}

const operation = fc.record<Operation>({
  does: fc.constantFrom('put', 'put', 'put', 'patch', 'patch', 'delete', 'expire', 'sweep'),
  row: fc.nat(2),
  email: fc.option(fc.nat(1), { freq: 5 }),
  team: fc.option(fc.nat(1), { freq: 5 }),
  patience: fc.nat(2),
  crashAfter: fc.option(fc.nat(8), { freq: 2, nil: undefined }),
});

/** Random schedules over three rows and two values. */
export const schedule: fc.Arbitrary<Schedule> = fc.record({
  operations: fc.array(operation, { minLength: 2, maxLength: 6 }),
  turns: fc.infiniteStream(fc.nat(1000)),
  repeats: fc.infiniteStream(fc.constantFrom(true, false, false, false, false)),
});

/** The next of a stream that has no end. */
export const nextOf = <T>(stream: fc.Stream<T>): T => stream.next().value as T;
