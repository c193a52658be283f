import { LocalCluster } from 'keyslot/testing';
import { pubsubFactory } from './pubsub-fixture.js';
import { Redis } from 'ioredis';
const open = pubsubFactory();
const out = (s: string) => process.stdout.write(s + '\n');
it('x', async () => {
  const cluster = await LocalCluster.start({ });
  {
  const { engine, pubsub } = open({ nodes: cluster.seeds }, { heartbeatMs: 1000 });
  await engine.connect();
  const names = Array.from({ length: 10_000 }, (_, i) => 'ch' + i);
  (globalThis as any).gc?.(); const h0 = process.memoryUsage().heapUsed;
  let t0 = performance.now();
  const subs = pubsub.channel(names).subscribe();
  await pubsub.ready();
  out(`10k channels one observable ${(performance.now() - t0).toFixed()} ms, heap ${((process.memoryUsage().heapUsed - h0) / 1e6).toFixed(1)} MB`);
  subs.unsubscribe();
  t0 = performance.now();
  const many = names.map((n) => pubsub.channel('x' + n).subscribe());
  await pubsub.ready();
  out(`10k observables ${(performance.now() - t0).toFixed()} ms, heap ${((process.memoryUsage().heapUsed - h0) / 1e6).toFixed(1)} MB`);
  many.forEach((s) => s.unsubscribe());
  t0 = performance.now();
  const sh = pubsub.sharded(names).subscribe();
  await pubsub.ready();
  out(`10k sharded ${(performance.now() - t0).toFixed()} ms`);
  sh.unsubscribe();
  for (const n of [1, 100]) {
    let got = 0; let done!: () => void; const N = 100_000; const finished = new Promise<void>((r) => (done = r));
    const s = Array.from({ length: n }, () => pubsub.channel('load' + n).subscribe(() => { if (++got === N * n) done(); }));
    await pubsub.ready();
    t0 = performance.now();
    const pubs: Promise<unknown>[] = [];
    for (let i = 0; i < N; i++) { pubs.push(pubsub.publish('load' + n, { i, text: 'hello' })); if (i % 1000 === 0) await pubs[i]; }
    await Promise.all(pubs); await finished;
    out(`publish+receive ${n} subs: ${(N / (performance.now() - t0) * 1000).toFixed()} msg/s`);
    s.forEach((x) => x.unsubscribe());
  }
  await new Promise((r) => setTimeout(r, 4000));
  out('links after idle: ' + [...(pubsub as any).reconciler.links.keys()]);
  await pubsub.close(); await engine.close(0);
  }
  await cluster.stop();
}, 60000);
