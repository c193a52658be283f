import type { ClusterClientOptions } from '../../../lib/client/client-options.js';
import { ClusterClient } from '../../../lib/client/cluster-client.js';
import { NODE_RUNTIME, useRuntime } from '../../../lib/cluster/runtime/runtime.js';
import { keySlot } from '../../../lib/cluster/topology/key-slot.js';
import { SetReply } from '../../../lib/testing/memory/command-parts/reply.js';
import { seededRandom } from '../../../lib/testing/memory/keyspace/random.js';
import type { History, Operation } from '../checker/history.js';
import { checkHistory } from '../checker/linearizability.js';
import { PARTITION } from '../checker/models/partition.js';
import { withoutUncertainParts } from '../checker/partition-commit.js';
import { contradictionsIn } from '../checker/serializability.js';
import { Administration } from '../servers/administration.js';
import { SimulatedCluster } from '../servers/simulated-cluster.js';
import type { World } from '../servers/world.js';
import { virtualRuntime } from '../time/virtual-runtime.js';
import { VirtualTime } from '../time/virtual-time.js';
import { Caller, DEADLINE_MS } from './caller.js';
import { Expectations, overAt } from './expectations.js';
import { expiriesOf } from './expiries.js';
import { inject } from './inject.js';
import { kindOf } from './key-kinds.js';
import { LateClients } from './late-clients.js';
import { Messenger } from './messenger.js';
import type { Schedule } from './schedule.js';
import { SeatCaller } from './seat-caller.js';
import { Trace, type Tracing } from './trace.js';

/** How often subscribers ping, in ms. */
const HEARTBEAT_MS = 300;
/** How long the cluster has to recover after the last fault, in ms. */
const RECOVERY_MS = 3_000;

/** How long a call of an entity may take: it makes several calls, and may wait for other transactions. */
const SEAT_CALLS_MS = 3 * DEADLINE_MS;

/** What became of a schedule. */
export interface Course {
  /** A hash of all that happened. */
  readonly hash: string;
  /** What must not happen, one line each. */
  readonly faults: readonly string[];
  readonly history: History;
  /** How long it was, in virtual ms. */
  readonly length: number;
}

/** Runs a schedule, and checks what its callers saw. */
export async function runSchedule(schedule: Schedule, tracing: Tracing = {}): Promise<Course> {
  const time = new VirtualTime();
  const trace = new Trace(time, tracing);
  const world: World = { time, random: seededRandom(schedule.seed + 1), trace: trace.add };
  useRuntime(virtualRuntime(time, seededRandom(schedule.seed + 2)));
  const cluster = new SimulatedCluster(world);
  Object.assign(cluster, { gossipMs: schedule.gossipMs, lagMs: schedule.lagMs });
  const { clockSkewMs = 0 } = schedule;
  if (clockSkewMs > 0)
    for (const node of cluster.nodes) node.clockAheadMs = Math.floor(world.random() * clockSkewMs);
  try {
    const { operations, faults } = await follow(schedule, cluster, world);
    const losses = lossesOf(operations, cluster);
    const history = {
      operations: operations.map((operation) =>
        isHall(operation.key)
          ? withoutUncertainParts(operation, losses)
          : withOrder(operation, operations, cluster),
      ),
      losses,
    };
    const expiries = expiriesOf(history, clockSkewMs);
    const unexplained = faultsIn({ ...history, operations: [...history.operations, ...expiries] });
    return { hash: trace.hash, faults: [...faults, ...unexplained], history, length: time.now };
  } finally {
    cluster.close();
    useRuntime(NODE_RUNTIME);
  }
}

/** Lets the clients subscribe. */
async function messengerReady(messenger: Messenger, time: VirtualTime): Promise<void> {
  let isReady = false;
  messenger.subscribe().then(
    () => (isReady = true),
    (error) => messenger.faults.push(`cannot subscribe: ${error}`),
  );
  await time.pass(time.now + 1_000, () => isReady);
}

/** Returns what the checker finds wrong. */
function faultsIn(history: History): string[] {
  const verdict = checkHistory(history, (key) => (isHall(key) ? PARTITION : kindOf(key).model));
  if (verdict.outcome === 'explained') return [];
  const isContradicted = verdict.outcome === 'unexplained' && isHall(verdict.key);
  return [
    `the calls on ${verdict.key} are ${verdict.outcome}`,
    ...(isContradicted ? contradictionsIn(verdict) : []),
  ];
}

async function follow(
  schedule: Schedule,
  cluster: SimulatedCluster,
  world: World,
): Promise<Pick<Caller, 'operations' | 'faults'>> {
  const { time } = world;
  const administration = new Administration(cluster, world);
  const told = administration.credentialsProvider(true);
  const asking = administration.credentialsProvider(false);
  const create = (credentials: Partial<ClusterClientOptions>): ClusterClient =>
    new ClusterClient({
      nodes: cluster.addresses.slice(0, 2),
      ...credentials,
      retry: schedule.retry,
      deadlineMs: DEADLINE_MS,
      replyTimeoutMs: schedule.replyTimeoutMs ?? 200,
      connectTimeoutMs: 300,
      heartbeatMs: HEARTBEAT_MS,
    });
  const clients = [create({ credentialsProvider: told }), create({ credentialsProvider: asking })];
  const expectations = new Expectations(schedule);
  const late = new LateClients(
    [
      [() => create({ credentialsProvider: asking }), 'connected'],
      // nodes reply NOAUTH and WRONGPASS
      [() => create({}), 'AUTHENTICATION_FAILED'],
      [() => create({ username: 'app', password: 'wrong' }), 'AUTHENTICATION_FAILED'],
    ],
    world,
    (from, to) => expectations.isAgreed(from, to),
  );
  const caller = new Caller(clients, world, schedule.retry === 'safe', expectations);
  const seats = new SeatCaller(clients, world, (from, to) => expectations.isCalm(from, to));
  const channels = [...new Set((schedule.messages ?? []).map(({ channel }) => channel))];
  const messenger = new Messenger(clients, cluster, world, channels);
  try {
    let connected = 0;
    for (const client of clients)
      client.connect().then(
        () => connected++,
        (error) => caller.faults.push(`connect failed: ${error}`),
      );
    await time.pass(1_000, () => connected === clients.length);
    await messengerReady(messenger, time);
    const start = time.now;
    expectations.start = start;
    for (const calls of schedule.calls) time.after(calls.at, () => caller.make(calls));
    for (const call of schedule.seats ?? []) time.after(call.at, () => seats.make(call));
    for (const message of schedule.messages ?? []) time.after(message.at, () => messenger.publish(message));
    if (schedule.lateAt !== undefined) time.after(schedule.lateAt, () => late.connect());
    for (const fault of schedule.faults)
      time.after(fault.at, () => {
        world.trace('cluster', fault.fault, JSON.stringify(fault));
        inject(cluster, administration, fault);
      });
    await time.pass(start + endOf(schedule) + RECOVERY_MS);
    cluster.settle();
    await checkRecovery(schedule, cluster, caller, time);
    await checkHalls(schedule, seats, time);
    await messenger.checkRecovery((ms, isDone) => time.pass(time.now + ms, isDone));
    messenger.check();
    for (const [key, value] of caller.confirmed)
      if (cluster.losses.isLost(key, String(value)))
        caller.faults.push(`${String(value)} of ${key} was confirmed by a replica, and is lost`);
    late.reportOpen();
    caller.faults.push(...messenger.faults, ...late.faults);
  } finally {
    for (const client of [...clients, late]) client.disconnect();
    await time.pass(time.now + 100);
  }
  return {
    operations: [...caller.operations, ...seats.operations],
    faults: [...caller.faults, ...seats.faults],
  };
}

/** Every partition can be read again; the checker compares what it holds with what was written. */
async function checkHalls({ seats = [] }: Schedule, caller: SeatCaller, time: VirtualTime): Promise<void> {
  caller.reportOpen();
  const before = caller.open;
  for (const [at, hall] of [...new Set(seats.map((call) => call.hall))].entries())
    caller.make({ at: time.now, client: at % 2, hall, name: 'look', id: 's0', other: 's1', serial: 0 });
  await time.pass(time.now + DEADLINE_MS, () => caller.open === before);
  if (caller.open > before) caller.faults.push('partitions cannot be read after the cluster has recovered');
}

/** Every key can be read again, and has the same value on its node. */
async function checkRecovery(
  schedule: Schedule,
  cluster: SimulatedCluster,
  caller: Caller,
  time: VirtualTime,
): Promise<void> {
  caller.reportOpen();
  const keys = [...new Set(schedule.calls.flatMap(({ calls }) => calls.map(([key]) => key)))];
  const before = caller.open;
  for (const [at, key] of keys.entries())
    caller.make({ at: 0, client: at % 2, form: 'each', calls: [[key, 'read']] });
  await time.pass(time.now + DEADLINE_MS, () => caller.open === before);
  if (caller.open > before) caller.faults.push('keys cannot be read after the cluster has recovered');
  for (const key of keys) {
    const [name, ...args] = kindOf(key).words(key, ['read']);
    const reply = cluster.ownerOf(keySlot(key)).memory.run([name, ...args.map(String)]);
    caller.recordState(key, reply instanceof SetReply ? reply.items : reply);
  }
}

/** When the last fault is over, and the last call has ended. */
function endOf({ faults, calls, seats = [] }: Schedule): number {
  return Math.max(
    0,
    ...faults.map(overAt),
    ...calls.map(({ at }) => at + DEADLINE_MS),
    ...seats.map(({ at }) => at + SEAT_CALLS_MS),
  );
}

const isHall = (key: string): boolean => key.startsWith('{Hall:');

/** Drops the order of a call if it overtook the earlier one in a way that no client can prevent. */
function withOrder(
  operation: Operation,
  all: readonly Operation[],
  { overtaken }: SimulatedCluster,
): Operation {
  const previous = all.find(({ id }) => id === operation.after);
  if (previous === undefined) return operation;
  const slot = keySlot(operation.key);
  const isExcused = overtaken.some(
    (one) => one.slot === slot && previous.calledAt <= one.at && one.at <= previous.returnedAt,
  );
  return isExcused ? { ...operation, after: undefined } : operation;
}

function lossesOf(operations: History['operations'], cluster: SimulatedCluster): History['losses'] {
  const keys = [...new Set(operations.map(({ key }) => key))];
  return cluster.losses.losses.flatMap(({ owns, from, to }) =>
    keys.filter((key) => owns(keySlot(key))).map((key) => ({ key, from, to: to ?? Infinity })),
  );
}
