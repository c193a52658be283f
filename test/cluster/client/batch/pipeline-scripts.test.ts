import { ClusterClient, Script } from 'keyslot';
import { sharedCluster } from '../../../cluster-fixture.js';

describe('scripts in a pipeline', () => {
  const shared = sharedCluster();
  let client: ClusterClient;

  beforeAll(async () => {
    client = new ClusterClient({ nodes: shared.nodes });
    await client.connect();
  });

  afterAll(() => client.close());

  const slots = 60;
  const namesOf = (pipeline: ReturnType<ClusterClient['pipeline']>): string[] =>
    pipeline.queued().map(({ call }) => call.name);

  function queued(script: Script, pipeline = client.pipeline()): typeof pipeline {
    client.addScript(script);
    for (let i = 0; i < slots; i++) pipeline.evalsha(script.sha, 1, `pipeline-scripts:${i}`, String(i));
    return pipeline;
  }

  test('are sent with their text once per slot if they keep their order', async () => {
    const pipeline = queued(new Script('return ARGV[1] -- once a slot'));
    expect(namesOf(pipeline).filter((name) => name === 'eval')).toHaveLength(slots);
    expect(await pipeline.exec()).toEqual(Array.from({ length: slots }, (_, i) => [null, String(i)]));
  });

  test('are sent with their text once per node in any order, including nodes that do not have them', async () => {
    const pipeline = queued(new Script('return ARGV[1] -- once a node'), client.pipeline().anyOrder());
    const names = namesOf(pipeline);
    expect(names.filter((name) => name === 'eval')).toHaveLength(client.topology.primaries.length);
    expect(names.filter((name) => name === 'evalsha')).toHaveLength(slots - client.topology.primaries.length);
    expect(await pipeline.exec()).toEqual(Array.from({ length: slots }, (_, i) => [null, String(i)]));
  });
});
