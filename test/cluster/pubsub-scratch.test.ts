import { LocalCluster } from 'keyslot/testing';
import { pubsubFactory, NumberPublisher } from './pubsub-fixture.js';
const open = pubsubFactory();
it('x', async () => {
  const cluster = await LocalCluster.start({ primaries: 3, nodeTimeoutMs: 1000, requireFullCoverage: false });
  for (let round = 0; round < 6; round++) {
  const log: any[] = (globalThis as any).__log = [];
  const { engine, pubsub } = open({ nodes: cluster.seeds }, { heartbeatMs: 200 });
  const { pubsub: pub } = open({ nodes: cluster.seeds });
  const gaps: any[] = [];
  pubsub.gaps$.subscribe((g) => gaps.push(g));
  const seen: number[] = [];
  pubsub.channel<number>('{a}').subscribe((m) => seen.push(m.payload));
  await pubsub.ready();
  const np = new NumberPublisher((n) => pub.publish('{a}', n));
  await new Promise((r) => setTimeout(r, 60));
  const p = await cluster.primaryOfSlot(15495);
  for (const r of cluster.nodes) { const role = await cluster.command(r, 'ROLE') as any[]; if (role[2] === p.port) { process.stdout.write('failover '+r.name+ ' '+p.name+'\n'); await cluster.failover(r); } }
  await new Promise((r) => setTimeout(r, 1000));
  await np.stop();
  const { doubled, lost } = np.account(seen, gaps);
  process.stdout.write(JSON.stringify({ doubled, lost, gaps }) + '\n');
  for (const d of doubled) process.stdout.write(JSON.stringify([np.published[d], log.filter((l) => l[3] === String(d))]) + '\n');
  await pubsub.close(); await engine.close(0);
  }
  await cluster.stop();
}, 60000);
