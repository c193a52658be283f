import type { Subscription } from 'rxjs';
import { Redis } from 'ioredis';
import {
  ChangesLostError,
  ClusterClient,
  ClusterEntity,
  createRepositories,
  keySlot,
  LockLostError,
  PrimaryKey,
  Property,
  Shape,
  Version,
  type ClusterRepository,
  type EntityChange,
  type PartitionLock,
} from 'keyslot';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import { breakableCluster } from '../breakable-cluster.js';
import { eventually } from '../cluster-fixture.js';

// with the window, as its rows are written too often to remember by themselves
@ClusterEntity({ name: 'Doc', idempotency: 'window', changes: { maxLength: 1_000_000 } })
class Doc {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() token: number = 0;
  @Property() edits: number = 0;
  @Version() version!: number;
}

/** Acknowledged when a replica has it, so that no failover loses it; long enough for a killed node to come back. */
const DURABLE = { durability: { replicas: 1, timeoutMs: 15_000 }, deadlineMs: 60_000 };

/** Ends the time of a lock while it has that token, and tells the token it has. */
const END_LOCK = `
local token = redis.call('HGET', KEYS[1], 'n')
if token == ARGV[1] then redis.call('HSET', KEYS[1], 'x', '1') end
return token`;

let cluster: LocalCluster;
let client: ClusterClient;
let other: ClusterClient;
let docs: ClusterRepository<Doc>;
let docsOfOthers: ClusterRepository<Doc>;
let victim: LocalNode;
breakableCluster({ nodeTimeoutMs: 1_000, requireFullCoverage: false }, async (whole) => {
  cluster = whole;
  [client, other] = [
    new ClusterClient({ nodes: cluster.seeds, deadlineMs: 60_000 }),
    new ClusterClient({ nodes: cluster.seeds, deadlineMs: 60_000 }),
  ];
  await Promise.all([client.connect(), other.connect()]);
  docs = createRepositories(client, [Doc]).repository(Doc);
  docsOfOthers = createRepositories(other, [Doc]).repository(Doc);
  return () => Promise.all([client.close(), other.close()]);
});

const slotOf = (id: string): number => keySlot(docs.keyOf(id));

/** Moves a slot there and back, then kills its primary and brings it back as a replica. */
async function breakThings(id: string, written: () => number): Promise<void> {
  const goesOn = async (): Promise<void> => {
    const before = written();
    await eventually(() => written() >= before + 20, { timeoutMs: 30_000 });
  };
  const home = await cluster.primaryOfSlot(slotOf(id));
  const away = cluster.primaries.find((node) => node !== home)!;
  for (const [from, to] of [
    [home, away],
    [away, home],
  ]) {
    await cluster.migrateSlots([slotOf(id)], from, to, { keysPerStep: 1, pauseMs: 5 });
    await goesOn();
  }
  victim = home;
  await cluster.waitUntilStable();
  await cluster.kill(victim);
  await cluster.waitUntilStable({ timeoutMs: 30_000 });
  await cluster.restart(victim);
  await cluster.waitUntilStable({ timeoutMs: 30_000 });
  expect(cluster.replicas).toContain(victim);
  await goesOn();
}

/** What a stream of the server holds, read by a plain connection: rows and their versions in order. */
async function outboxOf(id: string): Promise<string[]> {
  const primary = await cluster.primaryOfSlot(slotOf(id));
  const redis = new Redis({ host: primary.host, port: primary.port });
  try {
    const outboxes: string[] = [];
    for (const key of await redis.keys('*~ev')) if (keySlot(key) === slotOf(id)) outboxes.push(key);
    expect(outboxes).toHaveLength(1);
    const entries = await redis.xrange(outboxes[0], '-', '+');
    return entries.map(([, fields]) => {
      const entry = new Map(
        fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]]] : [])) as [string, string][],
      );
      return `${entry.get('t')} ${entry.get('p')} ${entry.get('v')}`;
    });
  } finally {
    redis.disconnect();
  }
}

it('changes: none is lost silently or arrives out of order while the slot moves and its primary dies', async () => {
  const id = 'followed';
  /** What was given, begun anew after each loss that was told. */
  const runs: string[][] = [[]];
  let losses = 0;
  const failures: unknown[] = [];
  const follow = (from: string): void => {
    docs.changes(id, { from }).subscribe({
      next: (change: EntityChange<Doc>) => {
        if (change.type !== 'event') runs.at(-1)!.push(`${change.type} ${id} ${change.version}`);
      },
      error: (error: unknown) => {
        if (!(error instanceof ChangesLostError)) return failures.push(error);
        losses++;
        runs.push([]);
        return follow(error.resumeFrom);
      },
    });
  };
  follow('start');
  await docs.insert(docs.create({ id }), DURABLE);
  const run = { isOver: false };
  let acknowledged = 0;
  const write = async (repository: ClusterRepository<Doc>, plain: boolean): Promise<void> => {
    while (!run.isOver) {
      // One that is not durable may be lost, but not in part.
      await repository.update(id, { edits: acknowledged }, plain ? {} : DURABLE);
      acknowledged++;
    }
  };
  const writing = Promise.all([write(docs, true), write(docsOfOthers, false), write(docs, false)]);
  try {
    await breakThings(id, () => acknowledged);
  } finally {
    run.isOver = true;
    await writing;
  }

  const truth = await outboxOf(id);
  await eventually(() => runs.at(-1)!.at(-1) === truth.at(-1), { timeoutMs: 20_000 });
  console.log(
    `${acknowledged} commits acknowledged, ${truth.length} in the outbox; given ${runs.map(({ length }) => length).join(' + ')}, ${losses} losses told`,
  );
  expect(failures).toEqual([]);
  // The versions of the outbox have no gap: every commit is told, in order.
  const versions = truth.map((entry) => Number(entry.split(' ')[2]));
  expect(versions).toEqual(versions.map((_, i) => versions[0] + i));
  expect(versions.at(-1)).toBe((await docs.findOneOrFail(id)).version);
  // What was begun anew begins at the start, and is what the outbox holds; one that ended was right as far as it went.
  expect(runs.at(-1)).toEqual(truth);
  for (const ended of runs.slice(0, -1)) {
    const given = ended.map((entry) => Number(entry.split(' ')[2]));
    expect(given).toEqual(given.map((_, i) => given[0] + i));
  }
});

it('changes of all partitions: none is lost silently while a primary dies', async () => {
  const ids = Array.from({ length: 12 }, (_, i) => `one of all ${i}`);
  await Promise.all(ids.map((id) => docs.insert(docs.create({ id }), DURABLE)));
  /** What was given of each row since the last loss that was told. */
  let given = new Map<string, number[]>();
  const failures: unknown[] = [];
  let losses = 0;
  let following: Subscription | undefined;
  const follow = (from: string): void => {
    following = docs.changes(undefined, { from, pollMs: 1_000 }).subscribe({
      next: (change) => {
        if (change.type === 'event') return;
        const id = String(change.key);
        given.set(id, [...(given.get(id) ?? []), change.version]);
      },
      error: (error: unknown) => {
        if (!(error instanceof ChangesLostError)) return failures.push(error);
        losses++;
        given = new Map();
        return follow('start');
      },
    });
  };
  follow(await docs.changesCursor());
  const run = { isOver: false };
  const acknowledged = new Map<string, number>(ids.map((id) => [id, 0]));
  const writing = Promise.all(
    ids.map(async (id) => {
      for (let edits = 1; !run.isOver; edits++) {
        const { version } = await docsOfOthers.update(id, { edits }, DURABLE);
        acknowledged.set(id, version);
      }
    }),
  );
  const writes = (): number => [...acknowledged.values()].filter((version) => version > 0).length;
  try {
    await eventually(() => writes() === ids.length, { timeoutMs: 30_000 });
    const dying = await cluster.primaryOfSlot(slotOf(ids[0]));
    await cluster.kill(dying);
    await cluster.waitUntilStable({ timeoutMs: 30_000 });
    await cluster.restart(dying); // what is durable waits for a replica
    await cluster.waitUntilStable({ timeoutMs: 30_000 });
    const before = acknowledged.get(ids[0])!;
    await eventually(() => acknowledged.get(ids[0])! > before, { timeoutMs: 60_000 });
  } finally {
    run.isOver = true;
    await writing;
  }
  await eventually(() => ids.every((id) => given.get(id)?.at(-1) === acknowledged.get(id)), {
    timeoutMs: 60_000,
  });
  following?.unsubscribe(); // it asks for every outbox once a second, and the next test has other things to do
  console.log(
    `${[...given.values()].flat().length} changes of ${ids.length} partitions, ${losses} losses told`,
  );
  expect(failures).toEqual([]);
  for (const versions of given.values()) expect(versions).toEqual(versions.map((_, i) => versions[0] + i));
}, 180_000);

/** The replica that follows a primary. */
async function replicaOf(primary: LocalNode): Promise<LocalNode> {
  for (const node of cluster.replicas) {
    const info = String(await cluster.command(node, 'INFO', 'replication'));
    if (info.includes(`master_port:${primary.port}\r`)) return node;
  }
  throw new Error(`${primary.name} has no replica`);
}

it('changes: reports that the failover lost commits, and continues with what remains', async () => {
  const id = 'cut off';
  await docs.insert(docs.create({ id }), DURABLE);
  const primary = await cluster.primaryOfSlot(slotOf(id));
  const replica = await replicaOf(primary);
  const given: number[] = [];
  const errors: unknown[] = [];
  const from = await docs.changesCursor(id);
  docs.changes(id, { from }).subscribe({
    next: (change) => given.push(change.type === 'event' ? NaN : change.version),
    error: (error: unknown) => errors.push(error),
  });
  await cluster.freeze(replica);
  await cluster.command(primary, 'CLIENT', 'KILL', 'TYPE', 'replica'); // what is written now, it does not get
  for (let edits = 1; edits <= 5; edits++) await docs.update(id, { edits });
  await eventually(() => given.length === 5);
  await cluster.kill(primary);
  await cluster.thaw(replica);
  await cluster.waitUntilStable({ timeoutMs: 30_000 });
  expect(await docs.findOneOrFail(id)).toMatchObject({ edits: 0 }); // they are lost indeed

  await docs.update(id, { edits: 6 });
  await eventually(() => errors.length === 1);
  expect(errors[0]).toBeInstanceOf(ChangesLostError);
  expect(given).toHaveLength(5);
  const { resumeFrom } = errors[0] as ChangesLostError;
  const again: string[] = [];
  const resumed = docs.changes(id, { from: resumeFrom }).subscribe((change) => again.push(change.type));
  await eventually(() => again.length === 2);
  expect(again).toEqual(['insert', 'update']);
  resumed.unsubscribe();
  await cluster.restart(primary);
  await cluster.waitUntilStable({ timeoutMs: 30_000 });
});

it('locks: a holder whose lock was taken over cannot write while the slot moves and its primary dies', async () => {
  const id = 'locked';
  const { version: first } = await docs.insert(docs.create({ id }), DURABLE);
  const lockKey = `${docs.partition(id).tag}~lk:lock`;
  const run = { isOver: false };
  const writes: { token: number; version: number }[] = [];
  const outcomes = new Map<string, number>();
  const count = (what: string): void => void outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
  /** Goes on with a lock whose time is over, as one that was asleep does, when another has got it. */
  const oversleep = async (lock: PartitionLock): Promise<void> => {
    // again and again, as a renewal that is under way gives it time anew
    const endIt = async (): Promise<number> =>
      Number(await client.with({ retry: 'always' }).eval(END_LOCK, 1, lockKey, lock.token));
    await eventually(async () => (await endIt()) > lock.token, { timeoutMs: 30_000, intervalMs: 1 });
    await expect(lock.repository(Doc).update(id, { edits: -1 })).rejects.toThrow(LockLostError);
    count('refused late');
  };
  const work = async (repository: ClusterRepository<Doc>): Promise<void> => {
    for (let turn = 1; !run.isOver; turn++) {
      const holding = repository.withLock(
        id,
        async (lock) => {
          for (let i = 0; i < 3; i++) {
            const { version } = await lock.repository(Doc).update(id, { token: lock.token }, DURABLE);
            writes.push({ token: lock.token, version });
          }
          if (turn % 4 === 0 && !run.isOver) await oversleep(lock);
        },
        { ttlMs: 1_500, waitMs: 60_000 },
      );
      await holding.then(
        () => count('done'),
        (error: Error) => {
          if (!(error instanceof LockLostError)) throw error;
          count('lost');
        },
      );
    }
  };
  const workers = [docs, docsOfOthers, docs, docsOfOthers].map(work);
  let areDone = false;
  const working = Promise.all(workers).finally(() => (areDone = true));
  try {
    await breakThings(id, () => writes.length);
  } finally {
    run.isOver = true;
    // whoever oversleeps last is to be taken over, too
    while (!areDone) await docs.withLock(id, () => Promise.resolve(), { waitMs: 30_000 }).catch(() => {});
    await working;
  }

  const inOrder = writes.toSorted((a, b) => a.version - b.version);
  const late = inOrder.filter(({ token }, i) => i > 0 && token < inOrder[i - 1].token);
  const holders = new Set(writes.map(({ token }) => token)).size;
  console.log(
    `${writes.length} writes of ${holders} holders, ${late.length} late; ${[...outcomes].map(([what, n]) => `${what} ${n}`).join(', ')}`,
  );
  expect(late).toEqual([]);
  // No version is missing: what was refused has not been written.
  expect(inOrder.map(({ version }) => version)).toEqual(writes.map((_, i) => first + 1 + i));
  expect(await docs.findOneOrFail(id)).toMatchObject(inOrder.at(-1)!);
  expect(outcomes.get('refused late')).toBeGreaterThan(0);
  expect(outcomes.get('lost')).toBeGreaterThanOrEqual(outcomes.get('refused late')!); // each was told at the end
});
