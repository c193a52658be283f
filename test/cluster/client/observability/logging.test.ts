import { jest } from '@jest/globals';
import { ClusterClient, type ClusterClientOptions, keySlot, type LogEntry, type LogKind } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';

let local: LocalCluster;
const cleanups: (() => unknown)[] = [];
let names = 0;

beforeAll(async () => {
  local = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 0 });
});
afterAll(() => local?.stop());
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const key = (): string => `{l${names++}}secret-key`;

/** A client that is connected, and what it logs from then on. */
async function logging(
  kinds: LogKind[],
  options: ClusterClientOptions = {},
): Promise<{ client: ClusterClient; entries: LogEntry[] }> {
  const entries: LogEntry[] = [];
  const client = new ClusterClient({
    nodes: local.seeds,
    logging: kinds,
    logger: (entry) => entries.push(entry),
    ...options,
  });
  cleanups.push(() => client.close());
  await client.connect();
  entries.length = 0;
  return { client, entries };
}

it('logs every call with its node, and neither keys nor values', async () => {
  const { client, entries } = await logging(['command'], { clientName: 'shop' });
  const mine = key();
  await client.set(mine, 'secret-value');
  await client
    .pipeline([
      ['get', mine],
      ['incr', key()],
    ])
    .exec();
  await client
    .multi([
      ['set', mine, 'secret-value'],
      ['get', mine],
    ])
    .exec();
  await client.publish('secret-channel', 'secret-value');
  const node = client.topology.nodeForSlot(keySlot(mine))!.name;
  expect(entries[0]).toMatchObject({
    kind: 'command',
    level: 'debug',
    clientName: 'shop',
    fields: { command: 'SET', node, slot: keySlot(mine), attempts: 1, redirects: 0, outcome: 'ok' },
  });
  expect(entries.slice(1).map(({ fields }) => [fields.command, fields.batchSize])).toEqual([
    ['PIPELINE', 2],
    ['MULTI', 2],
    ['PUBLISH', undefined],
  ]);
  expect(JSON.stringify(entries)).not.toMatch(/secret/);
});

it('logs what fails, also in a pipeline, and nothing of what succeeds', async () => {
  const { client, entries } = await logging(['error']);
  const mine = key();
  await client.set(mine, 'text');
  await expect(client.lpush(mine, 'x')).rejects.toThrow();
  await client
    .pipeline([
      ['get', mine],
      ['lpush', mine, 'x'],
    ])
    .exec();
  await expect(client.eval("return redis.error_reply('secret-1 is bad')", 1, mine)).rejects.toThrow();
  expect(entries.map(({ kind, fields }) => [kind, fields.command, fields.errorCode])).toEqual([
    ['error', 'LPUSH', 'WRONGTYPE'],
    ['error', 'PIPELINE', 'WRONGTYPE'],
    ['error', 'EVAL', 'OTHER'],
  ]);
  expect(JSON.stringify(entries)).not.toMatch(/secret/);
});

it('logs calls above slowMs, but none that blocks on purpose', async () => {
  const { client, entries } = await logging(['slow'], { slowMs: 900 });
  const mine = key();
  await client.set(mine, 'v');
  await client.blpop(key(), 1); // may be late by as much as slowMs
  const busy = "local t = redis.call('TIME')[1] + 1 while redis.call('TIME')[1] + 0 <= t do end return 1";
  await client.eval(busy, 1, mine);
  const slow = entries.filter(({ fields }) => fields.command !== 'SET');
  expect(slow.map(({ kind, level, fields }) => [kind, level, fields.command])).toEqual([
    ['slow', 'warn', 'EVAL'],
  ]);
  expect(slow[0].fields.durationMs).toBeGreaterThan(900);
});

it('logs slow transactions with their function, and leased calls that wait for a connection', async () => {
  const { client, entries } = await logging(['slow'], { slowMs: 100, maxLeasedPerNode: 1 });
  const mine = key();
  await client.transaction([mine], async (tx) => {
    await new Promise((resolve) => setTimeout(resolve, 150));
    return tx.multi().set(mine, '1');
  });
  expect(entries.map(({ fields }) => fields.command)).toContain('TRANSACTION');
  // the second waits for the only connection, and then blocks for 10 ms
  const [list] = mine.split('secret');
  await Promise.all([client.blpop(`${list}a`, 0.3), client.blpop(`${list}b`, 0.01)]);
  const slow = entries.filter(({ fields }) => fields.command === 'BLPOP');
  expect(slow.some(({ fields }) => fields.durationMs! > 110)).toBe(true);
});

it('logs topology changes, and the target of a redirect', async () => {
  const { client, entries } = await logging(['topology', 'command'], { refreshIntervalMs: 500 });
  const mine = key();
  const from = await local.primaryOfSlot(keySlot(mine));
  const to = local.primaries.find((node) => node !== from)!;
  await local.migrateSlots([keySlot(mine)], from, to);
  await client.get(mine);
  await eventually(() => expect(entries.some(({ kind }) => kind === 'topology')).toBe(true));
  expect(entries.find(({ fields }) => fields.command === 'GET')).toMatchObject({
    fields: { node: to.name, attempts: 2, redirects: 1 },
  });
});

it('keeps the entries of several clients apart', async () => {
  const [one, two] = [await logging(['command']), await logging(['command'])];
  await one.client.get(key());
  expect([one.entries.length, two.entries.length]).toEqual([1, 0]);
});

it('continues with a logger that throws, and reports that once', async () => {
  const warnings: unknown[] = [];
  const warn = jest
    .spyOn(process, 'emitWarning')
    .mockImplementation((warning) => void warnings.push(warning));
  cleanups.push(() => warn.mockRestore());
  const { client } = await logging(['command'], {
    logger: () => {
      throw new Error('no disk');
    },
  });
  const mine = key();
  await client.set(mine, '1');
  expect(await client.incr(mine)).toBe(2);
  expect(warnings).toEqual([expect.stringMatching(/logger of a cluster client failed with Error: no disk/)]);
});

it('needs a logger without Nest, and logs errors and the topology if only a logger is given', async () => {
  expect(() => new ClusterClient({ nodes: local.seeds, logging: ['error'] })).toThrow(
    /^Option logging needs a logger beside it: a function/,
  );
  const silent = new ClusterClient({ nodes: local.seeds, logging: [] });
  cleanups.push(() => silent.close());
  const entries: LogEntry[] = [];
  const client = new ClusterClient({ nodes: local.seeds, logger: (entry) => entries.push(entry) });
  cleanups.push(() => client.close());
  await client.connect();
  await Promise.all([client.set(key(), 'x'), silent.set(key(), 'x')]);
  await expect(client.call('nosuch', key())).rejects.toThrow();
  expect(new Set(entries.map(({ kind }) => kind))).toEqual(new Set(['topology', 'error']));
  expect(entries.at(-1)).toMatchObject({ level: 'error', fields: { command: 'NOSUCH', errorCode: 'ERR' } });
});

it('stops with the client', async () => {
  const { client, entries } = await logging(['command']);
  await client.close();
  const before = entries.length;
  await expect(client.get(key())).rejects.toThrow();
  expect(entries).toHaveLength(before);
});
