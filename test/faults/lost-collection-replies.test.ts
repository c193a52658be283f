import {
  ClusterClient,
  ClusterEntity,
  type ClusterList,
  ListOf,
  OutcomeUnknownError,
  PrimaryKey,
  createRepositories,
} from 'keyslot';
import { sharedCluster } from '../cluster-fixture.js';
import { Relays, type Request } from '../fake-node.js';

@ClusterEntity({ name: 'LostPlain' })
class Plain {
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @ListOf(String) jobs!: ClusterList<string>;
}

@ClusterEntity({ name: 'LostWindow', idempotency: 'window' })
class Remembered {
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @ListOf(String) jobs!: ClusterList<string>;
}

describe('a collection whose replies are lost in transit', () => {
  const shared = sharedCluster();
  let client: ClusterClient;
  let relays: Relays;
  let losses = 0;

  const isLost = (request: Request): boolean => {
    if (losses === 0 || !/^evalsha/i.test(request[0])) return false;
    losses--;
    return true;
  };

  beforeAll(async () => {
    const truth = new ClusterClient({ nodes: shared.nodes });
    await truth.connect();
    relays = await Relays.start(truth.topology.nodes);
    await truth.close();
    for (const relay of relays.all) relay.losesReplyTo = isLost;
    client = new ClusterClient({ ...relays.options, keyPrefix: shared.keyspace });
    await client.connect();
  });

  afterAll(async () => {
    await client?.close();
    await relays?.stop();
  });

  it('reports an unknown outcome, and never writes twice', async () => {
    const repository = createRepositories(client, [Plain]).repository(Plain);
    const { jobs } = await repository.insert(repository.create());
    await jobs.push('zeroth');
    await jobs.shift(); // so that servers know the script of removals, and the reply that is lost is not NOSCRIPT
    await jobs.push('first');
    losses = 1;
    await expect(jobs.push('second')).rejects.toThrow(OutcomeUnknownError);
    expect(await jobs.range()).toEqual(['first', 'second']);
    losses = 1;
    await expect(jobs.shift()).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', applied: 'unknown' });
    expect(await jobs.range()).toEqual(['second']);
  });

  it('writes once and returns the original answer if the entity has a token window', async () => {
    const repository = createRepositories(client, [Remembered]).repository(Remembered);
    const { id, jobs } = await repository.insert(repository.create());
    await jobs.push('one', 'two', 'three');
    losses = 2;
    expect(await jobs.push('four')).toBe(4);
    losses = 2;
    expect(await jobs.shift()).toBe('one');
    losses = 1;
    await repository.transaction(id, async (tx) => tx.collection(Remembered, id, 'jobs').push('five'));
    expect(losses).toBe(0);
    expect(await jobs.range()).toEqual(['two', 'three', 'four', 'five']);
  });
});
