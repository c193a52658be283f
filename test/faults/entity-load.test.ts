import { ClusterClient, createRepositories, keySlot, type EntityRegistry } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { eventually } from '../cluster-fixture.js';
import { disagreements, issuesOf } from './harness/halls/audit.js';
import { Hall, HALL_FORM, Sale, Seat } from './harness/halls/model.js';
import { readPartition } from './harness/halls/partition-truth.js';
import { openHall } from './harness/halls/open-hall.js';
import { Tallies } from './harness/halls/tallies.js';
import { Worker } from './harness/halls/worker.js';

/** In each round slots move there and back, and a primary is killed while others move. */
const ROUNDS = Number(process.env.KEYSLOT_LOAD_ROUNDS ?? 1);
const WORKERS = 24;
const PARTITIONS = 6;
/** The partitions of the primary that is killed. What is written there is acknowledged when its replica has it. */
const MORTAL = new Set([0, 1]);

let cluster: LocalCluster;
let client: ClusterClient;
let registry: EntityRegistry;
let halls: string[];
beforeAll(async () => {
  // What has slots that work goes on, while a primary is away.
  cluster = await LocalCluster.start({ nodeTimeoutMs: 1_000, requireFullCoverage: false });
  client = new ClusterClient({ nodes: cluster.seeds });
  await client.connect();
  registry = createRepositories(client, [Hall, Seat, Sale]);
  halls = await twoForEachPrimary();
  for (const id of halls) await openHall(registry, id);
});
afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});

const slotOf = (hallId: string): number => keySlot(`{LoadHall:${hallId}}`);

async function twoForEachPrimary(): Promise<string[]> {
  const found = new Map(cluster.primaries.map((node) => [node, [] as string[]]));
  for (let i = 0; [...found.values()].some((ids) => ids.length < 2); i++) {
    const ids = found.get(await cluster.primaryOfSlot(slotOf(`hall${i}`)))!;
    if (ids.length < 2) ids.push(`hall${i}`);
  }
  return [...found.values()].flat();
}

/** Moves a partition's slot to another primary and back. */
async function thereAndBack(hallId: string, others: readonly LocalNode[], isSlow: boolean): Promise<number> {
  const from = await cluster.primaryOfSlot(slotOf(hallId));
  const to = others.find((node) => node !== from)!;
  const pace = isSlow ? { keysPerStep: 10, pauseMs: 10 } : {};
  await cluster.migrateSlots([slotOf(hallId)], from, to, pace);
  await cluster.migrateSlots([slotOf(hallId)], to, from, pace);
  return 2;
}

/** A primary's replica has all that it has now, with what has come by migration. */
async function isFollowed(primary: LocalNode): Promise<void> {
  const read = async (): Promise<string> => String(await cluster.command(primary, 'INFO', 'replication'));
  const due = Number(/master_repl_offset:(\d+)/.exec(await read())![1]);
  await eventually(
    async () => Number(/slave0:.*state=online,offset=(\d+)/.exec(await read())?.[1] ?? -1) >= due,
  );
}

/** Kills a primary whose replica has everything. @returns when that has taken over. */
async function killAndAwaitSuccessor(victim: LocalNode): Promise<void> {
  await cluster.waitUntilStable();
  await isFollowed(victim);
  await cluster.kill(victim);
  await cluster.waitUntilStable({ timeoutMs: 30_000 });
}

/** The victim comes back as a replica. */
async function bringBack(victim: LocalNode): Promise<void> {
  await cluster.restart(victim);
  await cluster.waitUntilStable({ timeoutMs: 30_000 });
  expect(cluster.replicas).toContain(victim);
}

/** @returns how often a slot has moved. */
async function breakThings(round: number): Promise<number> {
  const { primaries } = cluster;
  let moves = 0;
  for (const i of [0, 2, 4]) moves += await thereAndBack(halls[i], primaries, i === 2);
  const victim = await cluster.primaryOfSlot(slotOf(halls[0]));
  const survivors = primaries.filter((node) => node !== victim);
  let isReplaced = false;
  const replaced = killAndAwaitSuccessor(victim).finally(() => (isReplaced = true));
  for (let turn = 0; !isReplaced; turn++)
    moves += await thereAndBack(halls[2 + (turn % 4)], survivors, turn % 2 === 0);
  await replaced;
  await bringBack(victim);
  return moves + (await thereAndBack(halls[round % 2], cluster.primaries, true));
}

it(
  '24 workers, 6 partitions: everything is consistent afterwards, although slots move and a primary dies',
  async () => {
    const tallies = new Tallies();
    const workers = Array.from({ length: WORKERS }, (_, i) => {
      const partition = i % PARTITIONS;
      return new Worker(registry, halls[partition], i, tallies, MORTAL.has(partition));
    });
    const run = { isOver: false };
    const working = Promise.all(workers.map((worker) => worker.work(() => run.isOver)));
    let moves = 0;
    try {
      for (let round = 0; round < ROUNDS; round++) moves += await breakThings(round);
    } finally {
      run.isOver = true;
      await working;
    }

    const faults: string[] = [];
    let rows = 0;
    for (const hallId of halls) {
      const truth = await readPartition(cluster, HALL_FORM, hallId);
      rows += 1 + truth.rows.LoadSeat.size + truth.rows.LoadSale.size;
      const its = workers.filter((worker) => worker.hallId === hallId);
      const found = [...truth.faults, ...disagreements(truth, its), ...(await issuesOf(registry, hallId))];
      faults.push(...found.map((fault) => `${hallId}: ${fault}`));
    }
    const doubts = workers.reduce((sum, { doubtful }) => sum + doubtful.size, 0);
    console.log(
      `${tallies.total} operations, ${moves} slot moves, ${ROUNDS} kills; ${rows} rows, ${doubts} in doubt, ` +
        `${tallies.wrong.length} wrong, ${faults.length} faults\n${tallies.table}`,
    );
    expect(tallies.wrong).toEqual([]);
    expect(faults).toEqual([]);
  },
  60_000 + ROUNDS * 60_000,
);
