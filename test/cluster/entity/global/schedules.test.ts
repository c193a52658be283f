import * as fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ClusterClient,
  type ClusterError,
  type ClusterRepository,
  createRepositories,
  type EntityClient,
  keySlot,
  OutcomeUnknownError,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { bucketsOf, uniqueBucketOf } from '../../../../lib/entity/keys/global-entry.js';
import { SchemaRegistry } from '../../../../lib/entity/rows/schema-registry.js';
import { type Operation, type Schedule, nextOf, schedule } from '../../../global-schedules.js';
import { Crashed, Interleaving } from '../../../interleaving.js';
import { User } from './fixtures.js';

const ROUNDS = Number(process.env.GLOBAL_ROUNDS ?? 4);
const SCHEDULES_AT_ONCE = 25;

const { schema } = new SchemaRegistry().mapper(User);
const [unique, index] = ['email', 'team'].map((name) => schema.globals.find((known) => known.name === name)!);

let cluster: LocalCluster;
let client: ClusterClient;
let users: ClusterRepository<User>;
beforeAll(async () => {
  cluster = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 0 });
  client = new ClusterClient({ nodes: cluster.seeds });
  await client.connect();
  users = createRepositories(client, [User]).repository(User);
});
afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});

/** What may become of an operation that others are in the way of. */
const ALLOWED = new Set(['UNIQUE_VIOLATION', 'ENTITY_NOT_FOUND', 'OUTCOME_UNKNOWN']);

/** The client of one operation: its scripts are the steps of a schedule, and the replies of some are lost. */
function steppedClient(
  interleaving: Interleaving,
  operation: number,
  repeats: Schedule['repeats'],
): EntityClient {
  const stepped = Object.create(client) as ClusterClient & EntityClient;
  const withOptions: EntityClient['with'] = (options) => {
    const runner = client.with(options);
    return {
      pipeline: () => runner.pipeline(),
      runScript: (...call) =>
        interleaving.step(operation, async () => {
          if (!nextOf(repeats)) return runner.runScript(...call);
          await runner.runScript(...call);
          if (options.retry === 'always') return runner.runScript(...call);
          throw new OutcomeUnknownError('EVALSHA', 'its reply was lost');
        }),
    };
  };
  return Object.assign(stepped, { with: withOptions });
}

/** Rows and values of one schedule, which no other has. */
const named = (name: string, value: number | null): string | undefined =>
  value === null ? undefined : `${name}-${value}`;

async function operate(own: ClusterRepository<User>, name: string, one: Operation): Promise<unknown> {
  const id = `${name}-${one.row}`;
  const [email, team] = [named(name, one.email), named(name, one.team)];
  const does: Record<Operation['does'], () => Promise<unknown>> = {
    put: () => own.upsert(own.create({ id, email, team })),
    patch: () => own.update(id, { email: email ?? null }),
    delete: () => own.delete(id),
    expire: () => own.expire(id, -1),
    // A sweep is for all schedules at once.
    sweep: () =>
      own.transaction(id, async (tx) => {
        const user = await tx.get(User, id);
        if (user) tx.save(Object.assign(user, { email, team }));
      }),
  };
  return does[one.does]();
}

interface Counts {
  crashed: number;
  done: number;
  refused: Record<string, number>;
}

/** Plays a schedule. @returns what is wrong afterwards. */
async function play(
  name: string,
  { operations, turns, repeats }: Schedule,
  counts: Counts,
): Promise<unknown[]> {
  const faults: unknown[] = [];
  const [email, team] = [named(name, 0), named(name, 0)];
  await users.insert(users.create({ id: `${name}-0`, email, team }));
  await users.insert(users.create({ id: `${name}-1`, team }));
  const crashes = operations.map(({ crashAfter }) => crashAfter);
  const interleaving = new Interleaving(
    crashes,
    () => nextOf(turns),
    () => sleep(1),
  );
  for (const [number, one] of operations.entries()) {
    const own = createRepositories(steppedClient(interleaving, number, repeats), [User]).repository(User);
    const work = operate(own, name, one).then(
      () => counts.done++,
      (error: ClusterError) => {
        if (error instanceof Crashed) return counts.crashed++;
        counts.refused[error.code] = (counts.refused[error.code] ?? 0) + 1;
        if (!ALLOWED.has(error.code)) faults.push(error);
      },
    );
    void interleaving.operate(() => work);
  }
  await interleaving.run(() => undefined);
  faults.push(...(await faultsOf(name)));
  return faults;
}

async function faultsOf(name: string): Promise<string[]> {
  const faults: string[] = [];
  const rows = (await users.findMany([0, 1, 2].map((row) => `${name}-${row}`))).filter((row) => row !== null);
  for (const value of [0, 1].map((number) => named(name, number)!)) {
    const holders = rows.filter(({ email }) => email === value).map(({ id }) => id);
    if (holders.length > 1) faults.push(`${value} is held by ${holders.join()}`);
    const found = (await users.findBy({ email: value })).map(({ id }) => id);
    if (found.join() !== holders.join())
      faults.push(`${value} is held by ${holders.join()}, found ${found.join()}`);
    const members = rows.filter(({ team }) => team === value).map(({ id }) => id);
    const inTeam = (await users.findBy({ team: value })).map(({ id }) => id);
    if (inTeam.join() !== members.join())
      faults.push(`${value} has ${members.join()}, found ${inTeam.join()}`);
    // Whatever was left: a value that a row has is refused to others, any other can be had.
    const last = users.insert(users.create({ id: `${name}-last-${value}`, email: value }));
    const outcome = await last.then(
      () => 'OK',
      (error: ClusterError) => error.code,
    );
    if (outcome !== (holders.length > 0 ? 'UNIQUE_VIOLATION' : 'OK')) faults.push(`${value}: ${outcome}`);
  }
  return faults;
}

/** Slots that hold rows and entries of schedules. */
function slotsOf(names: readonly string[]): number[] {
  const keys = names.flatMap((name) => [
    users.keyOf(`${name}-0`),
    uniqueBucketOf(unique, named(name, 0)!),
    bucketsOf(index, named(name, 0)!)[0],
  ]);
  return [...new Set(keys.map((key) => keySlot(key)))];
}

it('keeps its guarantees over random schedules with crashes at every step, while slots move', async () => {
  const counts: Counts = { crashed: 0, done: 0, refused: {} };
  let moves = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const schedules = fc.sample(schedule, SCHEDULES_AT_ONCE);
    const names = schedules.map((_, i) => `s${round}-${i}`);
    let isPlaying = true;
    const playing = Promise.all(schedules.map((one, i) => play(names[i], one, counts))).finally(() => {
      isPlaying = false;
    });
    const sweeping = round % 2 === 1 ? users.sweepGlobals() : undefined;
    // Every round but the first, for one to be without.
    for (let turn = 0; isPlaying && round > 0; turn++) {
      const slot = slotsOf(names)[turn % (3 * names.length)];
      const from = await cluster.primaryOfSlot(slot);
      await cluster.migrateSlots(
        [slot],
        from,
        cluster.primaries.find((node) => node !== from)!,
      );
      moves++;
    }
    for (const [i, faults] of (await playing).entries())
      expect({ operations: schedules[i].operations, faults }).toEqual({
        operations: schedules[i].operations,
        faults: [],
      });
    await sweeping;
  }
  await users.sweepGlobals();
  expect(await users.sweepGlobals()).toEqual({ swept: 0 });
  const rows: User[] = [];
  for await (const user of users.stream()) rows.push(user);
  const sizes = async (sizeOf: (key: string) => Promise<number>, keys: string[]): Promise<number> =>
    (await Promise.all(keys.map(sizeOf))).reduce((sum, size) => sum + size, 0);
  expect(await sizes((key) => client.hlen(key), bucketsOf(unique))).toBe(
    rows.filter(({ email }) => email).length,
  );
  expect(await sizes((key) => client.zcard(key), bucketsOf(index))).toBe(
    rows.filter(({ team }) => team).length,
  );
  expect(counts.crashed).toBeGreaterThan(ROUNDS);
  expect(moves).toBeGreaterThan(0);
  console.info(`${ROUNDS * SCHEDULES_AT_ONCE} schedules, ${moves} slots moved`, counts);
}, 300_000);
