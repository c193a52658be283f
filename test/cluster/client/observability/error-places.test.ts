import { inspect } from 'node:util';
import {
  ClientClosedError,
  ClusterClient,
  ClusterError,
  DeadlineExceededError,
  keySlot,
  OutcomeUnknownError,
  PartialFailureError,
  ReplyError,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';

let local: LocalCluster;
let cluster: ClusterClient;

const open = (options: object = {}): ClusterClient => new ClusterClient({ nodes: local.seeds, ...options });
const ownerOf = (key: string): string => cluster.topology.nodeForSlot(keySlot(key))!.name;
const errorOf = (call: Promise<unknown>): Promise<ClusterError> =>
  call.then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error: ClusterError) => error,
  );

beforeAll(async () => {
  local = await LocalCluster.start();
  cluster = open();
  await cluster.connect();
  await cluster.set('{p}string', 'value');
});
afterAll(async () => {
  await cluster.close();
  await local.stop();
});

const place = (command: string, key = '{p}string'): object => ({
  command,
  node: ownerOf(key),
  slot: keySlot(key),
  attempts: 1,
});

// their names are what the tests look for in stacks
async function callerOfCommand(): Promise<void> {
  await cluster.lpush('{p}string', 'x');
}
async function callerOfBlocking(): Promise<void> {
  await cluster.blpop('{p}string', 1);
}
async function callerOfPipeline(): Promise<void> {
  const [[error]] = await cluster.pipeline().lpush('{p}string', 'x').exec();
  throw error!;
}
async function callerOfMulti(): Promise<void> {
  const [[error]] = await cluster.multi().lpush('{p}string', 'x').exec();
  throw error!;
}
async function callerOfDurable(): Promise<void> {
  await cluster.with({ durability: { replicas: 1, timeoutMs: 100 } }).lpush('{p}string', 'x');
}
async function callerOfTransaction(): Promise<void> {
  await cluster.transaction(['{p}string'], async (tx) => tx.lpush('{p}string', 'x'));
}
async function callerOfWatchedCommands(): Promise<void> {
  const [[error]] = await cluster.transaction(['{p}string'], async (tx) =>
    tx.multi().lpush('{p}string', 'x'),
  );
  throw error!;
}
async function callerOfTarget(): Promise<void> {
  const node = cluster.topology.nodeForSlot(keySlot('{p}string'))!;
  await cluster.target(node).lpush('{p}string', 'x');
}
async function callerOfScan(): Promise<void> {
  await cluster.hscanIterator('{p}string').next();
}

describe('an error of a command', () => {
  it.each([
    ['LPUSH', callerOfCommand],
    ['BLPOP', callerOfBlocking],
    ['LPUSH', callerOfPipeline],
    ['LPUSH', callerOfMulti],
    ['LPUSH', callerOfDurable],
    ['LPUSH', callerOfTransaction],
    ['LPUSH', callerOfWatchedCommands],
    ['LPUSH', callerOfTarget],
    ['HSCAN', callerOfScan],
  ])('%s says where, and shows %p', async (command, call) => {
    const error = await errorOf(call());
    expect(error).toBeInstanceOf(ReplyError);
    expect(error).toMatchObject(place(command));
    expect(error.message).toMatch(/^WRONGTYPE /);
    expect(error.message).toContain(`(${command} on ${ownerOf('{p}string')})`);
    expect(error.stack).toMatch(new RegExp(`at (async )?${call.name} `));
    expect(error.stack).toContain(error.message);
  });

  it('shows the caller through Promise.all, and the caller of that', async () => {
    async function inner(): Promise<void> {
      await Promise.all([cluster.get('{p}string'), cluster.lpush('{p}string', 'x')]);
    }
    async function outer(): Promise<void> {
      await inner();
    }
    const { stack } = await errorOf(outer());
    expect(stack).toContain('at async Promise.all (index 1)');
    expect(stack).toMatch(/at (async )?inner /);
    expect(stack).toMatch(/at (async )?outer /);
  });

  it('has the deadline, the node and the caller if nothing was executed in time', async () => {
    const primary = ownerOf('{p}string');
    await local.freeze(primary);
    async function tooLate(): Promise<void> {
      await cluster.with({ deadlineMs: 150 }).get('{p}string');
    }
    async function unknown(): Promise<void> {
      await cluster.with({ deadlineMs: 150 }).incr('{p}n');
    }
    const [late, lost] = await Promise.all([errorOf(tooLate()), errorOf(unknown())]);
    await local.thaw(primary);
    expect(late).toBeInstanceOf(DeadlineExceededError);
    expect(late).toMatchObject({ command: 'GET', node: ownerOf('{p}string'), slot: keySlot('{p}string') });
    expect(late.message).toContain(ownerOf('{p}string'));
    expect(late.stack).toMatch(/at (async )?tooLate /);
    expect(lost).toBeInstanceOf(OutcomeUnknownError);
    expect(lost).toMatchObject({ command: 'INCR', node: ownerOf('{p}n'), slot: keySlot('{p}n') });
    expect(lost.message).toContain(ownerOf('{p}n'));
    expect(lost.stack).toMatch(/at (async )?unknown /);
  });

  it('is its own although many commands meet the same obstacle', async () => {
    const nowhere = new ClusterClient({ nodes: ['127.0.0.1:1'], startupTimeoutMs: 100 });
    const [get, set] = await Promise.all([errorOf(nowhere.get('a')), errorOf(nowhere.set('a', '1'))]);
    expect(get).toMatchObject({ name: 'TopologyError', code: 'NO_NODE_REACHABLE', command: 'GET' });
    expect(set).toMatchObject({ name: 'TopologyError', code: 'NO_NODE_REACHABLE', command: 'SET' });
    expect(set).not.toBe(get);
    expect(get.message).toMatch(/\(GET\)$/);
    expect(get.constructor).toBe(set.constructor);
    await nowhere.close();
  });

  it('of a closed client keeps the message that callers of ioredis know', async () => {
    const closed = open();
    await closed.connect();
    await closed.close();
    const error = await errorOf(closed.get('a'));
    expect(error).toBeInstanceOf(ClientClosedError);
    expect(error).toMatchObject({ message: 'Connection is closed.', command: 'GET' });
  });

  it('of several nodes names the command, and the node of each part', async () => {
    const error = await errorOf(cluster.target('primaries').config('SET', 'nosuchsetting', '1'));
    expect(error).toBeInstanceOf(PartialFailureError);
    expect(error).toMatchObject({ command: 'CONFIG' });
    for (const [node, part] of (error as PartialFailureError).errors)
      expect(part).toMatchObject({ command: 'CONFIG SET', node });
  });

  it('holds neither keys nor values, unless keys are wanted', async () => {
    const key = 'planted-key-91';
    const value = 'planted-value-17';
    const failures = (client: ClusterClient): Promise<ClusterError[]> =>
      Promise.all([
        errorOf(client.call('nosuch', key, value)),
        errorOf(client.call('xreadgroup', 'GROUP', 'g', 'c', 'STREAMS', key, '>')),
        errorOf(client.xinfo('STREAM', key)),
        errorOf(client.call('object', 'nosuch', key, value)),
        errorOf(client.set(key, value, 'NOSUCH' as never)),
        errorOf(client.call('xgroup', 'SETID', key, 'g', '0')),
        errorOf(client.mget(key, `${key}b`)),
      ]);
    for (const error of await failures(cluster)) {
      const text = inspect(error, { depth: 5 }) + JSON.stringify(error) + error.message + error.stack;
      expect(text).not.toContain('planted');
      expect(error.keys).toBeUndefined();
    }
    const showing = open({ errors: { keys: true } });
    const [, group] = await failures(showing);
    expect(group.keys).toEqual([key]);
    expect(Object.keys(group)).not.toContain('keys');
    expect(JSON.stringify(group)).not.toContain('planted');
    await showing.close();
  });
});

describe('the options telemetry and errors', () => {
  it.each([
    ['telemetry', true, 'Option telemetry must be { keys: true } or { keys: false }, got true'],
    ['errors', { key: true }, 'Unknown option key of errors (did you mean keys?); known are keys'],
    ['errors', { keys: 'yes' }, 'Option errors.keys must be true or false'],
  ])('%s: %p is rejected', (name, value, message) => {
    expect(() => open({ [name]: value })).toThrow(message);
  });
});
