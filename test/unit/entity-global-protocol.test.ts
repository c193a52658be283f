import * as fc from 'fast-check';
import { keyOfEntity } from '../../lib/entity/keys/entity-key.js';
import type { GlobalEntry } from '../../lib/entity/keys/global-entry.js';
import { commitGlobally, endEntry } from '../../lib/entity/global/global-protocol.js';
import { SchemaRegistry } from '../../lib/entity/rows/schema-registry.js';
import { User } from '../cluster/entity/global/fixtures.js';
import { type Operation, type Schedule, nextOf, schedule } from '../global-schedules.js';
import { ModelCluster, ModelSteps, type ModelWrite } from '../global-model.js';
import { Interleaving } from '../interleaving.js';

const { schema } = new SchemaRegistry().mapper(User);
const [unique, index] = ['email', 'team'].map((name) => schema.globals.find((known) => known.name === name)!);

const entryOf = (row: number, name: 'email' | 'team', value: number): GlobalEntry => ({
  schema,
  index: name === 'email' ? unique : index,
  key: keyOfEntity(schema, { id: `${row}` }),
  encodings: `v${value}`,
});

const writeOf = ({ does, row, email, team }: Operation): ModelWrite => {
  const entries = new Map<string, GlobalEntry | undefined>();
  if (does === 'delete') for (const name of ['email', 'team']) entries.set(name, undefined);
  if (does === 'put' || does === 'patch')
    entries.set('email', email === null ? undefined : entryOf(row, 'email', email));
  if (does === 'put') entries.set('team', team === null ? undefined : entryOf(row, 'team', team));
  return { row: keyOfEntity(schema, { id: `${row}` }).row, entries, isDelete: does === 'delete' };
};

const drained = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Writes at once, with nobody beside. */
async function writeAlone(cluster: ModelCluster, write: ModelWrite, token: string): Promise<boolean> {
  const afterwards: (() => Promise<void>)[] = [];
  const steps = new ModelSteps(
    cluster,
    async (make) => make(),
    0,
    (work) => afterwards.push(work),
  );
  const entries = [...write.entries.values()].filter((entry) => entry !== undefined);
  const outcome = await commitGlobally(steps, entries, async (holds) => cluster.commit(write, holds, token));
  for (const work of afterwards) await work();
  return !('taken' in outcome);
}

const emailsHeld = (cluster: ModelCluster): Set<string> =>
  new Set([...cluster.rows.values()].flatMap(({ holds }) => holds.get('email')?.entry.encodings ?? []));

/** Runs a schedule. @returns the cluster as it is then, and how many operations came to their end. */
async function play(
  { operations, turns, repeats }: Schedule,
  faults: string[],
  cluster = new ModelCluster(),
): Promise<{ cluster: ModelCluster; ended: number }> {
  const crashes = operations.map(({ crashAfter }) => crashAfter);
  const interleaving = new Interleaving(crashes, () => nextOf(turns), drained);
  let ended = 0;
  const first: Operation = { does: 'put', row: 0, email: 0, team: 0, patience: 0, crashAfter: undefined };
  await writeAlone(cluster, writeOf(first), 'first');
  let left = 30; // repeats in one schedule
  const run = async (one: Operation, number: number): Promise<void> => {
    const make = async <T>(step: () => T): Promise<T> =>
      interleaving.step(number, () => {
        if (left > 0 && nextOf(repeats)) {
          left--;
          void interleaving.operate(() => interleaving.step(operations.length + number, step));
        }
        return step();
      });
    const later = (work: () => Promise<void>): void => void interleaving.operate(work);
    const steps = new ModelSteps(cluster, make, one.patience, later);
    const write = writeOf(one);
    if (one.does === 'expire') await make(() => cluster.rows.delete(write.row));
    else if (one.does === 'sweep')
      for (const { entry, token } of await make(() => [...cluster.entries.values()]))
        await endEntry(steps, entry, token);
    else {
      const entries = [...write.entries.values()].filter((entry) => entry !== undefined);
      const commit = (holds: Parameters<ModelCluster['commit']>[1]) =>
        make(() => cluster.commit(write, holds, `o${number}`));
      await commitGlobally(steps, entries, commit);
    }
    ended++;
  };
  for (const [number, one] of operations.entries()) void interleaving.operate(() => run(one, number));
  await interleaving.run(() => faults.push(...cluster.faults()));
  return { cluster, ended };
}

describe('the protocol of global indexes and unique constraints, over random schedules with crashes at every step', () => {
  const counts = { schedules: 0, operations: 0, ended: 0 };

  it('duplicates no value, loses none, and finds every row', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async (given) => {
        const faults: string[] = [];
        const { cluster, ended } = await play(given, faults);
        expect(faults).toEqual([]);
        counts.schedules++;
        counts.operations += given.operations.length;
        counts.ended += ended;
        // Whatever was left: a value that a row has is refused to others, any other can be had.
        for (const value of [0, 1]) {
          const held = emailsHeld(cluster).has(`v${value}`);
          const entries = new Map([['email', entryOf(9 + value, 'email', value)]]);
          const row = keyOfEntity(schema, { id: `${9 + value}` }).row;
          const isWritten = await writeAlone(cluster, { row, entries, isDelete: false }, `last${value}`);
          expect(isWritten).toBe(!held);
        }
        // A sweep leaves the entries that rows hold, and nothing else.
        const steps = new ModelSteps(
          cluster,
          async (make) => make(),
          0,
          () => undefined,
        );
        for (const { entry, token } of [...cluster.entries.values()]) await endEntry(steps, entry, token);
        const held = [...cluster.rows.values()].reduce((sum, { holds }) => sum + holds.size, 0);
        expect(cluster.entries.size).toBe(held);
        expect(cluster.faults()).toEqual([]);
      }),
      { numRuns: Number(process.env.GLOBAL_SCHEDULES ?? 2_000) },
    );
    expect(counts.ended).toBeGreaterThan(counts.schedules);
    expect(counts.ended).toBeLessThan(counts.operations); // there were crashes
    console.info(
      `${counts.schedules} schedules, ${counts.operations} operations, ${counts.ended} of them ended`,
    );
  });

  class Unfenced extends ModelCluster {
    protected override fence(): void {}
  }
  class UnfencedRelease extends ModelCluster {
    protected override fenceReleased(): void {}
  }
  class Unheeded extends ModelCluster {
    protected override isFenced(): boolean {
      return false;
    }
  }
  class Unheld extends ModelCluster {
    protected override isStillHeld(): boolean {
      return true;
    }
  }

  it.each([
    ['entries that are taken away are not fenced', Unfenced],
    ['what a commit ends is not fenced', UnfencedRelease],
    ['a commit does not look at fences', Unheeded],
    ['a commit does not look at what the row holds already', Unheld],
  ])('breaks where %s', async (_, Broken) => {
    let faults: string[] = [];
    const holds = fc.asyncProperty(schedule, async (given) => {
      faults = [];
      await play(given, faults, new Broken());
      return faults.length === 0;
    });
    await fc.check(holds, { numRuns: 20_000, endOnFailure: true });
    expect(faults).not.toEqual([]);
  });
});
