import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { libraryBuilt } from '../built-library.js';
import { sharedCluster, eventually } from '../cluster-fixture.js';
import { root } from '../docs-snippets.js';

const shared = sharedCluster();

describe('an application under load that gets SIGTERM', () => {
  it('settles every call, and exits', async () => {
    // the application uses the package as it is built; npm test has built it
    await libraryBuilt();
    const nodes = shared.nodes.map(({ host, port }) => `${host}:${port}`).join();
    const child = spawn(process.execPath, [join(root, 'test', 'faults', 'shutdown-app.mjs')], {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: '', REDIS_CLUSTER_NODES: nodes, KEYSPACE: shared.keyspace },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const exit = once(child, 'exit');
    try {
      await eventually(() => output.includes('ready'), { timeoutMs: 30_000 });
      child.kill('SIGTERM');
      // it calls no exit(): an open socket or timer would keep it
      const [code] = await exit;
      expect(code).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
    const told = JSON.parse(output.slice(output.indexOf('{'))) as {
      begun: number;
      settled: number;
      fates: Record<string, number>;
      rejections: string[];
    };
    expect(told).toMatchObject({ begun: told.settled, rejections: [] });
    // drained while there was time, then refused; the blocked pop, which was sent, is in doubt at the most
    const foreseen = new Set(['answered', 'CLIENT_CLOSED', 'OUTCOME_UNKNOWN']);
    expect(Object.keys(told.fates).filter((fate) => !foreseen.has(fate))).toEqual([]);
    expect(told.fates.OUTCOME_UNKNOWN ?? 0).toBeLessThanOrEqual(1);
  });
});
