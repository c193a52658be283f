import { ClusterClient } from '../../lib/client/cluster-client.js';
import { sharedCluster } from '../cluster-fixture.js';
const { nodes, keyspace } = sharedCluster();
const run = async (work: (c: ClusterClient) => Promise<unknown>) => {
  const c = new ClusterClient({ nodes, keyPrefix: keyspace });
  await c.connect();
  await work(c).catch(() => undefined);
  const at = Date.now();
  await c.close();
  console.log(Date.now() - at);
};
it('durable', () => run((c) => c.with({ durability: { replicas: 1, timeoutMs: 1000 } }).set('a', '1')));
it('unreached', () => run((c) => c.with({ durability: { replicas: 9, timeoutMs: 1 } }).set('a', '1')));
it('aborted', () => run((c) => c.with({ signal: AbortSignal.abort() }).set('a', '1')));
it('aborted pipeline', () => run((c) => c.with({ signal: AbortSignal.abort() }).pipeline().set('a', '1').exec()));
it('deadline', () => run((c) => c.with({ deadlineMs: 0.0001 }).set('a', '1')));
