import {
  ClusterClient,
  ClusterEntity,
  createRepositories,
  OutcomeUnknownError,
  PrimaryKey,
  Property,
  Script,
  Shape,
  type CallOptions,
  type ClusterError,
  type ClusterView,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../cluster-fixture.js';
import { Relays } from '../fake-node.js';

@ClusterEntity({ name: 'Parcel' })
class Parcel {
  declare readonly [Shape]: { key: 'id' };
  @PrimaryKey() id!: string;
  @Property() weight: number = 0;
}

const script = new Script(`return redis.call('SET', KEYS[1], ARGV[1])`);
const durability = { replicas: 1, timeoutMs: 60_000 };

/**
 * A write is executed, its reply is lost, and before what is sent again has an answer, the caller or the client ends
 * the call. Nobody can say that it was not applied.
 */
describe('a write whose reply was lost, and which ends before the next attempt', () => {
  let local: LocalCluster;
  let relays: Relays;
  let client: ClusterClient;
  let truth: ClusterClient;
  let keys = 0;
  /** The reply was lost, and the nodes hold up what is sent again. */
  let isLost = false;

  const onAll = (...words: [string, ...string[]]): Promise<unknown> =>
    Promise.all(local.nodes.map((node) => local.command(node, ...words)));

  beforeAll(async () => {
    local = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
    truth = new ClusterClient({ nodes: local.seeds });
    await truth.connect();
    // so that scripts are known, and the request that is lost is the one that runs
    await truth.script('LOAD', script.lua);
    const parcels = createRepositories(truth, [Parcel]).repository(Parcel);
    for (let i = 0; i < 20; i++) await parcels.insert(parcels.create({ id: `known${i}` }));
    relays = await Relays.start(local.nodes);
    for (const relay of relays.all) relay.beforeLoss = () => onAll('CLIENT', 'PAUSE', '600000', 'WRITE');
  });

  beforeEach(async () => {
    isLost = false;
    client = new ClusterClient({ ...relays.options, deadlineMs: 60_000 });
    await client.connect();
  });

  afterEach(async () => {
    client?.disconnect();
    for (const relay of relays.all) relay.losesReplyTo = () => false;
    await onAll('CLIENT', 'UNPAUSE');
  });

  afterAll(async () => {
    await truth?.close();
    await relays?.stop();
    await local?.stop();
  });

  const first = async (results: Promise<[Error | null, unknown][]>): Promise<unknown> => {
    const [[error, reply]] = await results;
    if (error !== null) throw error;
    return reply;
  };

  /** Ways to write the value `new`, each of which is sent again where its reply was lost. */
  const WRITES: readonly [
    string,
    (view: ClusterView, key: string, options: CallOptions) => Promise<unknown>,
  ][] = [
    ['a call', (view, key) => view.set(key, 'new')],
    ['a pipeline', (view, key) => first(view.pipeline().set(key, 'new').exec())],
    ['multi()', (view, key) => view.with({ retry: 'always' }).multi().set(key, 'new').exec()],
    ['a script', (view, key) => view.with({ retry: 'always' }).runScript(script, [key], ['new'])],
    ['a durable write', (view, key) => view.with({ durability }).set(key, 'new')],
    [
      'a durable multi()',
      (view, key) => view.with({ durability, retry: 'always' }).multi().set(key, 'new').exec(),
    ],
    [
      'an entity',
      (_, id, options) => {
        const parcels = createRepositories(client, [Parcel]).repository(Parcel);
        return parcels.insert(parcels.create({ id, weight: 7 }), options);
      },
    ],
  ];

  /** Ways in which it ends. */
  const ENDS: readonly [string, CallOptions, (control: AbortController) => unknown][] = [
    ['its deadline', { deadlineMs: 2_000 }, () => {}],
    ['an abort', {}, (control) => control.abort()],
    ['a client that closes', {}, () => client.disconnect()],
  ];

  it.each(
    WRITES.flatMap(([way, write]) =>
      ENDS.map(([end, options, act]) => [way, end, write, options, act] as const),
    ),
  )('%s ended by %s: the outcome is unknown', async (_way, _end, write, options, act) => {
    const key = `lost${keys++}`;
    for (const relay of relays.all) {
      relay.losesReplyTo = (request) => {
        const loses = !isLost && request.some((part) => part.includes(key));
        isLost ||= loses;
        return loses;
      };
    }
    const control = new AbortController();
    const given = { signal: control.signal, ...options };
    const end = write(client.with(given), key, given).then(
      () => Promise.reject(new Error('answered')),
      (error: ClusterError) => error,
    );
    const isSentAgain = async (): Promise<boolean> => {
      const lists = await Promise.all(local.nodes.map((node) => local.command(node, 'CLIENT', 'LIST')));
      return lists.some((list) => / flags=\w*b/.test(String(list)));
    };
    await Promise.race([end, eventually(isSentAgain)]);
    act(control);
    const error = await end;
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toMatchObject({ applied: 'unknown', retryable: false });
    await onAll('CLIENT', 'UNPAUSE');
    const kept = await truth.keys(`*${key}*`);
    expect(kept).toHaveLength(1);
  });
});
