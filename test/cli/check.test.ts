import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterClient } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { parseNodeLines } from '../../lib/cluster/topology/node-lines.js';
import { FEATURES } from '../../lib/cli/check/feature-permissions.js';
import type { NodeFacts } from '../../lib/cli/check/node-facts.js';
import { permissionCheck } from '../../lib/cli/check/permission-check.js';
import type { CheckReport } from '../../lib/cli/check/report.js';
import { SERVER_CHECKS } from '../../lib/cli/check/server-checks.js';
import { TOPOLOGY_CHECKS } from '../../lib/cli/check/topology-checks.js';
import { eventually } from '../cluster-fixture.js';
import { root } from '../docs-snippets.js';
import { FakeNode } from '../fake-node.js';
import { commandLine, type Outcome } from './keyslot-program.js';

const PASSWORD = 'my-secret';
const ELSEWHERE = '127.0.0.9';

type Checked = CheckReport & { code: number; of(id: string): CheckReport['checks'][number] };

let cluster: LocalCluster;
let another: LocalCluster;

beforeAll(async () => {
  [cluster, another] = await Promise.all([
    LocalCluster.start({
      nodeTimeoutMs: 1_000,
      requireFullCoverage: false,
      users: {
        app: `on >${PASSWORD} ~app:* resetchannels -@all +cluster|slots +get +set +mget +subscribe +ping`,
        viewer: `on >${PASSWORD} ~* &* -@all +cluster|nodes +cluster|shards +cluster|info`,
        nothing: `on >${PASSWORD} ~* &* -@all +get`,
      },
    }),
    LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 0,
      config: { 'cluster-announce-hostname': ELSEWHERE, 'cluster-preferred-endpoint-type': 'hostname' },
    }),
  ]);
});

afterAll(() => Promise.all([cluster?.stop(), another?.stop()]));

const nodesOf = ({ seeds }: LocalCluster): string => seeds.map(({ host, port }) => `${host}:${port}`).join();

const inText = (line: readonly string[], environment = {}): Promise<Outcome> =>
  commandLine(['check', ...line], environment);

async function check(line: readonly string[], environment = {}): Promise<Checked> {
  const { code, stdout, stderr } = await inText([...line, '--json'], environment);
  expect(stderr).toBe('');
  const report = JSON.parse(stdout) as CheckReport;
  const of: Checked['of'] = (id) => report.checks.find((one) => one.id === id)!;
  return { ...report, code, of };
}

const fromOneNode = (): string => cluster.nodes[3].name;

describe('keyslot check', () => {
  it('finds all nodes from one, and nothing wrong with a cluster that is fit', async () => {
    const { code, version, fit, nodes, addressRemap, checks, of } = await check([fromOneNode()]);
    expect({ code, version, fit, addressRemap }).toEqual({
      code: 0,
      version: 1,
      fit: true,
      addressRemap: [],
    });
    expect(nodes.map(({ address }) => address).toSorted()).toEqual(
      cluster.nodes.map(({ name }) => name).toSorted(),
    );
    expect(nodes.filter(({ role }) => role === 'primary')).toHaveLength(3);
    expect(Object.fromEntries(checks.map(({ id, status }) => [id, status]))).toEqual({
      coverage: 'ok',
      nodes: 'ok',
      views: 'ok',
      epochs: 'ok',
      migrations: 'ok',
      majority: 'ok',
      replicas: 'ok',
      addresses: 'ok',
      versions: 'ok',
      'full-coverage': 'ok',
      eviction: 'ok',
      persistence: 'warning',
      'keyspace-events': 'note',
      permissions: 'ok',
    });
    expect(of('replicas').summary).toBe('3 replicas, all in sync');
    const { code: same, stdout } = await inText([fromOneNode()]);
    expect(same).toBe(0);
    expect(stdout).toMatch(/^ok {7}coverage {9}all 16384 slots have a primary$/m);
    expect(stdout).toMatch(/\nThe cluster is fit, with 1 warning\n$/);
  });

  it('compares the settings of all nodes', async () => {
    const set = (node: number, name: string, value: string): Promise<unknown> =>
      cluster.command(cluster.nodes[node], 'CONFIG', 'SET', name, value);
    await set(1, 'notify-keyspace-events', 'Kx');
    for (const node of cluster.nodes.keys()) {
      await set(node, 'maxmemory', '1gb');
      await set(node, 'maxmemory-policy', 'allkeys-lru');
    }
    const { code, of } = await check([fromOneNode()]);
    expect(code).toBe(0);
    expect(of('keyspace-events')).toMatchObject({
      status: 'warning',
      details: expect.arrayContaining([
        expect.stringMatching(new RegExp(`^.*xK.*: ${cluster.nodes[1].name}$`)),
      ]),
    });
    expect(of('eviction')).toMatchObject({ status: 'warning', summary: 'maxmemory-policy is allkeys-lru' });
    await set(1, 'notify-keyspace-events', '');
    for (const node of cluster.nodes.keys()) {
      await set(node, 'maxmemory-policy', 'noeviction');
      await set(node, 'maxmemory', '0');
    }
  });

  it('says which features a user lacks permissions for', async () => {
    const { code, of } = await check([fromOneNode(), '--acl-user', 'app']);
    expect(code).toBe(0);
    const { status, details } = of('permissions');
    expect(status).toBe('note');
    expect(details).toContain('blocking commands: lacks +blpop');
    expect(details).toContain('channels: lacks +unsubscribe +publish a channel pattern (&…)');
    expect(details).toContain('the option database: lacks +select');
    expect(details).toContain(
      'reads from memory: lacks +client|tracking +client|caching +pttl +cluster|nodes +unsubscribe +command|info',
    );
    expect(details.join()).toMatch(/a property with a ttl: lacks \+evalsha /);
    expect(details.join()).not.toContain('commands and pipelines');
    const unable = await check([fromOneNode(), '--acl-user', 'nothing']);
    expect(unable).toMatchObject({ code: 1, fit: false });
    expect(unable.of('permissions').summary).toContain('may not run CLUSTER SLOTS');
    const nobody = await inText([fromOneNode(), '--acl-user', 'nobody']);
    expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no user nobody') });
  });

  it('tells what its own user may not see', async () => {
    const { code, of } = await check([fromOneNode(), '--user', 'viewer'], { REDISCLI_AUTH: PASSWORD });
    expect(code).toBe(0);
    expect(of('coverage').status).toBe('ok');
    for (const id of ['replicas', 'versions', 'eviction', 'persistence', 'permissions'])
      expect(of(id)).toMatchObject({ id, status: 'unknown' });
    const blind = await inText([fromOneNode(), '--user', 'app'], { KEYSLOT_PASSWORD: PASSWORD });
    expect(blind).toMatchObject({ code: 2, stdout: '' });
    expect(blind.stderr).toMatch(/does not let this user run CLUSTER NODES.*\+cluster\|nodes/);
  });

  it('rejects a wrong password, without repeating it', async () => {
    const outcome = await inText([fromOneNode(), '--user', 'app', '--json'], {
      KEYSLOT_PASSWORD: 'wrong-secret',
    });
    expect(outcome.code).toBe(2);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ fit: null, error: { code: 'AUTHENTICATION_FAILED' } });
    expect(outcome.stderr).toContain('Set the password in the environment');
    expect(outcome.stdout + outcome.stderr).not.toContain('wrong-secret');
  });

  it('says that nothing listens, or that it is a single server', async () => {
    const nothing = await inText(['127.0.0.1:1']);
    expect(nothing).toMatchObject({ code: 2, stdout: '' });
    expect(nothing.stderr).toMatch(
      /^keyslot: No node answers: Connection to 127.0.0.1:1: .*ECONNREFUSED.*\n$/,
    );
    const single = await FakeNode.start(([name]) =>
      name.toLowerCase() === 'cluster' ? '-ERR This instance has cluster support disabled\r\n' : undefined,
    );
    const outcome = await inText([single.name]);
    await single.stop();
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain(`${single.name} is a single server, not a node of a cluster`);
  });

  it('finds the addressRemap for announced addresses that cannot be used', async () => {
    const [{ name, host, port }] = another.nodes;
    const { code, addressRemap, of } = await check([name]);
    expect(code).toBe(1);
    expect(addressRemap).toEqual([{ from: `${ELSEWHERE}:${port}`, to: name }]);
    const { status, details, advice } = of('addresses');
    expect(status).toBe('problem');
    expect(details[0]).toMatch(
      new RegExp(`^${ELSEWHERE}:${port}, announced by ${name}: .*found at ${name}$`),
    );
    const option = /^ +addressRemap: (.*)$/m.exec(advice ?? '')?.[1];
    const remap = new Function(`return ${option}`)() as (node: object) => { host: string; port: number };
    expect(remap({ host: ELSEWHERE, port })).toEqual({ host, port });
    await using client = new ClusterClient({ nodes: [name], addressRemap: remap });
    expect(await client.set('key', 'value')).toBe('OK');
    expect(of('majority').status).toBe('warning');
    expect(of('replicas')).toMatchObject({ status: 'warning', summary: '1 primary without a replica' });
  });

  it('notices nodes of two clusters', async () => {
    const { code, of } = await check(['--nodes', `${nodesOf(cluster)},${nodesOf(another)}`]);
    expect(code).toBe(1);
    expect(of('views')).toMatchObject({ status: 'problem', summary: 'nodes do not know each other' });
  });

  it('notices slots that move', async () => {
    const [from, to] = cluster.primaries;
    const [[slot]] = (await from.view()).myself.slots;
    const migration = await cluster.beginSlotMigration(slot, from, to);
    const { code, of } = await check([fromOneNode()]);
    expect(code).toBe(0);
    expect(of('migrations')).toMatchObject({
      status: 'warning',
      details: expect.arrayContaining([`${from.name} hands over ${slot}`, `${to.name} receives ${slot}`]),
    });
    await migration.cancel();
  });

  it('notices a replica that does not follow its primary', async () => {
    const [replica] = cluster.replicas;
    const [, password] = (await cluster.command(replica, 'CONFIG', 'GET', 'masterauth')) as string[];
    await cluster.command(replica, 'CONFIG', 'SET', 'masterauth', 'wrong-secret');
    await cluster.command(replica, 'CLIENT', 'KILL', 'TYPE', 'master');
    await eventually(async () => {
      const { code, of } = await check([fromOneNode()]);
      expect({ code, ...of('replicas') }).toMatchObject({
        code: 1,
        status: 'problem',
        summary: '1 replica of 3 not in sync',
        details: [expect.stringMatching(new RegExp(`^${replica.name} does not follow 127.0.0.1:\\d+`))],
      });
    });
    await cluster.command(replica, 'CONFIG', 'SET', 'masterauth', password);
    await eventually(async () => expect((await check([fromOneNode()])).of('replicas').status).toBe('ok'));
  });

  it('notices half a cluster', async () => {
    const [lost] = cluster.primaries;
    const { nodes } = await lost.view();
    const its = cluster.nodes.find(({ id }) => nodes.get(id)?.primaryId === lost.id)!;
    await cluster.kill(its);
    await cluster.kill(lost);
    const left = cluster.nodes.filter((node) => node !== lost && node !== its);
    const report = await eventually(async () => {
      const found = await check([left.map(({ name }) => name).join()]);
      expect(found.of('coverage').status).toBe('problem');
      return found;
    });
    expect(report).toMatchObject({ code: 1, fit: false });
    expect(report.of('coverage').details[0]).toMatch(/^whose primary is down: \d+-\d+/);
    await eventually(async () =>
      expect((await check([left[0].name])).of('nodes').details).toContain(
        `${lost.name} is down, say the other nodes`,
      ),
    );
    const { code, stdout } = await inText([left[0].name]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/\nThe cluster has \d problems?/);
  });
});

/** What nodes could say that is hard to have real ones say. */
describe('the checks of', () => {
  const nodeLine = (id: string, flags: string, epoch: number, slots: string): string =>
    `${id.repeat(40)} 127.0.0.1:700${id}@1700${id} ${flags} - 0 0 ${epoch} connected ${slots}`;
  const node = (lines: string[], info = {}, config = {}): NodeFacts => {
    const seen = parseNodeLines(lines.join('\n'));
    const self = seen.find(({ flags }) => flags.has('myself'))!;
    const [infos, settings] = [info, config].map((fields) => new Map<string, string>(Object.entries(fields)));
    return {
      name: self.name,
      id: self.id,
      self,
      seen,
      info: infos,
      config: settings,
    } as unknown as NodeFacts;
  };
  const run = (id: string, ...nodes: NodeFacts[]): unknown =>
    [...TOPOLOGY_CHECKS, ...SERVER_CHECKS]
      .find((one) => one.id === id)!
      .run({ nodes, unusable: [], silentSeeds: new Map(), close() {} });

  it('epochs notice primaries that share one', () => {
    const lines = [nodeLine('1', 'myself,master', 7, '0-8191'), nodeLine('2', 'master', 7, '8192-16383')];
    expect(run('epochs', node(lines))).toMatchObject({
      status: 'problem',
      details: ['epoch 7: 127.0.0.1:7001, 127.0.0.1:7002'],
    });
  });

  it('views name the slots about which nodes disagree', () => {
    const view = (me: string, border: number): NodeFacts =>
      node(
        ['1', '2', '3'].map((id) => {
          const slots = { '1': `0-${border}`, '2': `${border + 1}-16383`, '3': '' }[id]!;
          return nodeLine(id, id === me ? 'myself,master' : 'master', Number(id), slots);
        }),
      );
    expect(run('views', view('1', 100), view('2', 100), view('3', 110))).toMatchObject({
      status: 'problem',
      summary: 'nodes disagree about the owners of slots',
      details: [
        'slots 101-110: of 127.0.0.1:7001 according to 127.0.0.1:7003, of 127.0.0.1:7002 according to 2 nodes',
      ],
    });
  });

  const settings = { save: '', appendonly: 'no', maxmemory: '0', 'maxmemory-policy': 'noeviction' };
  const servers = (...each: [info: object, config?: object][]): NodeFacts[] =>
    each.map(([info, config], i) =>
      node(
        [nodeLine(String(i + 1), 'myself,master', 1, '')],
        { redis_version: '7.4.0', ...info },
        { ...settings, ...config },
      ),
    );

  it.each<[string, NodeFacts[], string, string]>([
    ['versions', servers([{}], [{}]), 'ok', 'all nodes run Redis 7.4.0'],
    [
      'versions',
      servers([{}], [{ redis_version: '7.2.4', valkey_version: '8.1.0' }]),
      'warning',
      'different versions',
    ],
    ['versions', servers([{ redis_version: '6.2.1' }]), 'problem', 'Redis 6.2.1 is too old'],
    [
      'eviction',
      servers([{}, { 'maxmemory-policy': 'allkeys-lru' }]),
      'note',
      'without effect while maxmemory is 0',
    ],
    [
      'eviction',
      servers([{}, { 'maxmemory-policy': 'volatile-ttl', maxmemory: '1' }]),
      'note',
      'is volatile-ttl',
    ],
    ['eviction', servers([{}], [{}, { 'maxmemory-policy': 'volatile-ttl' }]), 'warning', 'different values'],
    ['persistence', servers([{ aof_enabled: '1' }]), 'ok', 'append-only file'],
    ['persistence', servers([{}, { save: '60 1' }]), 'ok', 'snapshots'],
    ['persistence', servers([{ aof_enabled: '1' }], [{}]), 'warning', 'keep nothing'],
    ['persistence', servers([{ rdb_last_bgsave_status: 'err' }]), 'problem', 'cannot write to disk'],
  ])('%s judge what servers say', (id, nodes, status, summary) => {
    expect(run(id, ...nodes)).toMatchObject({ status, summary: expect.stringContaining(summary) });
  });
});

it.each<[knows: boolean, summary: string, details: string[] | undefined]>([
  [true, 'user app lacks permissions of 1 feature', ['a property with a ttl: lacks +hpexpire']],
  [false, 'user app may run the commands of all features', undefined],
])(
  'the right to expire fields counts where the servers have it (%s)',
  async (knows, expected, expectedDetails) => {
    const call = async (...words: string[]): Promise<unknown> => {
      const [command, subcommand, , name] = words.map((word) => word.toLowerCase());
      if (command === 'command')
        return words.slice(2).map((one) => (one === 'hpexpire' && !knows ? null : [one, -1]));
      if (subcommand === 'getuser') return ['keys', '~*', 'channels', '&*'];
      return name === 'hpexpire' ? "User app has no permissions to run the 'hpexpire' command" : 'OK';
    };
    const nodes = [{ self: { role: 'primary' }, link: { call } }] as unknown as NodeFacts[];
    const facts = { nodes, unusable: [], silentSeeds: new Map<string, string>(), close() {} };
    const { summary, details } = await permissionCheck('app').run(facts as never);
    expect([summary, details]).toEqual([expected, expectedDetails]);
  },
);

it('the features are those of docs/security.md', () => {
  const rows = readFileSync(join(root, 'docs/security.md'), 'utf8').matchAll(
    /^\| (?<feature>[^|]+?) +\| (?<commands>`\+(?:\\\||[^|])+?) +\|(?<keys>[^|]*)\|(?<channels>[^|]*)\|$/gm,
  );
  const documented = [...rows].map(({ groups }) => ({
    feature: groups!.feature.replaceAll('`', ''),
    commands: [...groups!.commands.split(';')[0].matchAll(/\+(\w+(?:\\\|[\w-]+)?)/g)]
      .map(([, command]) => command.replace('\\', ''))
      .join(' '),
    ...(groups!.channels.trim() !== '' && { channels: true }),
  }));
  expect(documented.length).toBeGreaterThan(20);
  expect(FEATURES).toEqual(documented);
});
