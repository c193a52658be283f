import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import {
  type ChangeFollower,
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  Counter,
  createRepositories,
  keySlot,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
} from 'keyslot';
import type { LocalCluster } from 'keyslot/testing';
import { breakableCluster } from '../breakable-cluster.js';
import { libraryBuilt } from '../built-library.js';
import { eventually } from '../cluster-fixture.js';
import { root } from '../docs-snippets.js';

@ClusterEntity({ name: 'Account', idempotency: 'window', changes: { maxLength: 1_000_000 } })
class Account {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() edits: number = 0;
  @Property() hold?: string;
}

/** What the followers' handlers did to the account. */
@ClusterEntity({ name: 'Ledger', partition: () => Account })
class Ledger {
  declare readonly [Shape]: { key: 'accountId' | 'id'; counters: 'effects' };
  @PartitionKey() accountId!: string;
  @PrimaryKey() id!: string;
  /** The version of the change that was handled last. */
  @Property() last: number = 0;
  @Counter() effects!: number;
}

/** Acknowledged when a replica has it, so that no failover loses it. */
const DURABLE = { durability: { replicas: 1, timeoutMs: 15_000 }, deadlineMs: 60_000 };
const SLOW = { timeoutMs: 60_000 };

let cluster: LocalCluster;
let accounts: ClusterRepository<Account>;
let ledgers: ClusterRepository<Ledger>;
let client: ClusterClient;
/** The client of the followers of this process. */
let theirs: ClusterClient;
breakableCluster({ nodeTimeoutMs: 1_500, requireFullCoverage: false }, async (whole) => {
  cluster = whole;
  [client, theirs] = [0, 1].map(() => new ClusterClient({ nodes: cluster.seeds, deadlineMs: 60_000 }));
  await Promise.all([client.connect(), theirs.connect()]);
  const registry = createRepositories(client, [Account, Ledger]);
  accounts = registry.repository(Account);
  ledgers = registry.repository(Ledger);
  return () => Promise.all([client.close(), theirs.close()]);
});

const followers: ChangeFollower[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(followers.splice(0).map((follower) => follower.close({ timeoutMs: 0 })));
});

let serial = 0;
const slotOf = (id: string): number => keySlot(accounts.keyOf(id));
const effectsOf = async (id: string): Promise<number> =>
  (await ledgers.findOneOrFail({ accountId: id, id: 'sum' })).effects;
/** Inserts an account, after the rows that count what is done for it. */
async function open(id: string, hold?: string): Promise<void> {
  for (const row of ['sum', 'order'])
    await ledgers.insert(ledgers.create({ accountId: id, id: row }), DURABLE);
  await accounts.insert(accounts.create({ id, hold }), DURABLE);
}

interface Followed {
  readonly group: string;
  readonly calls: () => number;
  readonly disorder: readonly string[];
  readonly errors: readonly Error[];
}

/** Follows as two processes do: each change adds one effect to the ledger, in the transaction of its position. */
async function followWithTwo(): Promise<Followed> {
  const group = `ledger-${++serial}`;
  const disorder: string[] = [];
  const errors: Error[] = [];
  let calls = 0;
  for (const each of [client, theirs]) {
    const follower = createRepositories(each, [Account, Ledger])
      .repository(Account)
      .follow(
        group,
        async (change, context) => {
          if (change.type === 'event') return;
          const accountId = String(change.key);
          calls++;
          const last = await context.transaction(async (tx) => {
            const order = (await tx.get(Ledger, { accountId, id: 'order' }))!;
            const before = order.last;
            order.last = change.version;
            tx.save(order);
            tx.increment(Ledger, { accountId, id: 'sum' }, 'effects', 1);
            return before;
          });
          // what was committed counts: for a moment two processes may have a share, and the commit of one is rejected
          if (change.type === 'insert' ? last !== 0 : change.version !== last + 1)
            disorder.push(`${accountId}: ${change.version} after ${last}`);
        },
        // attempts for ever: nothing may be put aside while a primary is away
        {
          retry: { attempts: Infinity, delayMs: 20, maxDelayMs: 500 },
          leaseMs: 3_000,
          pollMs: 2_000,
          onError: (error) => errors.push(error),
        },
      );
    followers.push(follower);
  }
  await Promise.all(followers.map((follower) => follower.ready()));
  return { group, calls: () => calls, disorder, errors };
}

/** Writes to accounts, one writer each, until what breaks the cluster has ended. Returns how many writes each had. */
async function writeWhile(
  ids: readonly string[],
  breaking: (written: (id: string) => number) => Promise<void>,
): Promise<Map<string, number>> {
  const acknowledged = new Map<string, number>();
  const run = { isOver: false };
  const written = (id: string): number => acknowledged.get(id) ?? 0;
  const writing = Promise.all(
    ids.map(async (id) => {
      await open(id);
      for (acknowledged.set(id, 1); !run.isOver;) {
        await accounts.update(id, { edits: written(id) }, DURABLE);
        acknowledged.set(id, written(id) + 1);
      }
    }),
  );
  try {
    await Promise.race([breaking(written), writing]);
  } finally {
    run.isOver = true;
    await writing;
  }
  return acknowledged;
}

/** Every acknowledged change has had its effect once, in order. */
async function expectEffectsOnce(acknowledged: Map<string, number>, followed: Followed): Promise<void> {
  const effects = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      await Promise.all([...acknowledged.keys()].map(async (id) => [id, await effectsOf(id)] as const)),
    );
  const wanted = Object.fromEntries(acknowledged);
  await eventually(async () => expect(await effects()).toEqual(wanted), SLOW).catch(() => {});
  const total = [...acknowledged.values()].reduce((sum, count) => sum + count, 0);
  expect(await effects()).toEqual(wanted);
  expect(followed.disorder).toEqual([]);
  expect(followed.calls()).toBeGreaterThanOrEqual(total);
  for (const follower of followers) expect(follower.statistics).toMatchObject({ putAside: 0, gaps: 0 });
}

it('gives each change its effect once, in order, while a primary is killed', async () => {
  const followed = await followWithTwo();
  const ids = Array.from({ length: 8 }, (_, i) => `killed ${i}`);
  const acknowledged = await writeWhile(ids, async (written) => {
    await eventually(() => ids.every((id) => written(id) >= 5), SLOW);
    await eventually(async () => (await effectsOf(ids[0])) > 0, SLOW);
    const victim = await cluster.primaryOfSlot(slotOf(ids[0]));
    await cluster.kill(victim);
    await cluster.waitUntilStable(SLOW);
    await cluster.restart(victim); // what is durable waits for a replica
    await cluster.waitUntilStable(SLOW);
    const before = written(ids[0]);
    await eventually(() => written(ids[0]) >= before + 5, SLOW);
  });
  await expectEffectsOnce(acknowledged, followed);
});

it('gives each change its effect once after the primary of the group itself was killed', async () => {
  const followed = await followWithTwo();
  const ids = ['group 0', 'group 1'];
  const acknowledged = await writeWhile(ids, async (written) => {
    await eventually(() => ids.every((id) => written(id) >= 5), SLOW);
    const victim = await cluster.primaryOfSlot(keySlot(`{~f:Account:${followed.group}}`));
    await cluster.kill(victim);
    await cluster.waitUntilStable(SLOW);
    await cluster.restart(victim);
    await cluster.waitUntilStable(SLOW);
    const before = written(ids[0]);
    await eventually(() => written(ids[0]) >= before + 5, SLOW);
  });
  await expectEffectsOnce(acknowledged, followed);
});

it('gives each change its effect once, in order, while its slot moves there and back', async () => {
  const followed = await followWithTwo();
  const id = 'moved';
  const acknowledged = await writeWhile([id], async (written) => {
    await eventually(() => written(id) >= 5, SLOW);
    const home = await cluster.primaryOfSlot(slotOf(id));
    const away = cluster.primaries.find((node) => node !== home)!;
    for (const [from, to] of [
      [home, away],
      [away, home],
    ]) {
      await cluster.migrateSlots([slotOf(id)], from, to, { keysPerStep: 1, pauseMs: 5 });
      const [before, effects] = [written(id), await effectsOf(id)];
      await eventually(() => written(id) >= before + 5, SLOW);
      await eventually(async () => (await effectsOf(id)) > effects, SLOW);
    }
  });
  await expectEffectsOnce(acknowledged, followed);
});

describe('a process that follows and is killed', () => {
  // the processes use the package as it is built
  beforeAll(libraryBuilt);

  interface Process {
    readonly child: ChildProcess;
    /** What it has printed: `ready`, `handled ID`, `uncaught …`, `holds ID before` or `after` its transaction. */
    readonly lines: () => string[];
  }

  async function follow(group: string, holds: boolean): Promise<Process> {
    const child = spawn(process.execPath, [join(root, 'test', 'faults', 'follower-process.mjs')], {
      cwd: root,
      env: {
        ...process.env,
        ...{ NODE_OPTIONS: '', GROUP: group, HOLDS: String(holds) },
        NODES: cluster.seeds.map(({ host, port }) => `${host}:${port}`).join(),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const lines = (): string[] => output.split('\n').filter((line) => line !== '');
    await eventually(() => lines().includes('ready'), SLOW);
    return { child, lines };
  }

  async function kill({ child }: Process): Promise<void> {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    expect(await exit).toEqual([null, 'SIGKILL']);
  }

  it.each(['before', 'after'])(
    'is replaced: killed %s its transaction, the effect happens once',
    async (when) => {
      const group = `killed-${++serial}`;
      const ids = Array.from({ length: 6 }, (_, i) => `process ${when} ${i}`);
      const first = await follow(group, true);
      for (const id of ids.slice(0, 3)) await open(id);
      await eventually(async () => (await effectsOf(ids[2])) === 1, SLOW);
      await open(ids[3], when);
      await eventually(() => first.lines().includes(`holds ${ids[3]} ${when}`), SLOW);
      await kill(first);
      for (const id of ids.slice(4)) await open(id);
      const second = await follow(group, false);
      await eventually(async () => (await effectsOf(ids[4])) + (await effectsOf(ids[5])) === 2, SLOW);
      await eventually(async () => (await effectsOf(ids[3])) === 1, SLOW);
      // a later change of the same partition: nothing of it was left or repeated
      await accounts.update(ids[3], { edits: 1 }, DURABLE);
      await eventually(async () => (await effectsOf(ids[3])) === 2, SLOW);
      await eventually(
        () => second.lines().filter((line) => line === `handled ${ids[3]}`).length > +(when === 'before'),
      );
      expect(await Promise.all(ids.map(effectsOf))).toEqual([1, 1, 1, 2, 1, 1]);
      // the change over which the first process died has a line only if the second one handled it
      const lines = [...first.lines(), ...second.lines()];
      const times = ids.map((id) => lines.filter((line) => line === `handled ${id}`).length);
      expect(times).toEqual([1, 1, 1, when === 'before' ? 2 : 1, 1, 1]);
    },
  );

  it('goes on after an error in its own onError', async () => {
    const { lines } = await follow(`throws-${++serial}`, false);
    await open('fails', 'fails');
    await eventually(() => lines().includes('handled fails'), SLOW);
    expect(lines()).toContain('uncaught onError of the first attempt');
    expect(await effectsOf('fails')).toBe(1);
  });

  it('is replaced while changes keep coming', async () => {
    const group = `storm-${++serial}`;
    const ids = Array.from({ length: 60 }, (_, i) => `storm ${i}`);
    const [first] = await Promise.all([follow(group, true), follow(group, false)]);
    const inserting = (async () => {
      for (const id of ids) await open(id);
    })();
    await eventually(() => first.lines().length > 5, SLOW);
    await kill(first);
    await inserting;
    await eventually(async () => (await Promise.all(ids.map(effectsOf))).every((count) => count >= 1), SLOW);
    expect(await Promise.all(ids.map(effectsOf))).toEqual(ids.map(() => 1));
  });
});
