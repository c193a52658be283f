import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Another cluster, of one node that owns all slots, at an address of our choice. */
export class StrangeCluster {
  private constructor(
    private readonly server: ChildProcess,
    private readonly folder: string,
    private readonly redis: Redis,
  ) {}

  static async start(port: number): Promise<StrangeCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'keyslot-strange-'));
    const settings = { port, bind: '127.0.0.1', 'cluster-enabled': 'yes', save: '', dir: folder };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const server = spawn(process.env.KEYSLOT_REDIS_SERVER || 'redis-server', args, { stdio: 'ignore' });
    const redis = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50, maxRetriesPerRequest: null });
    redis.on('error', () => {});
    await redis.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    while (!String(await redis.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) await delay(50);
    return new StrangeCluster(server, folder, redis);
  }

  /** How many keys it was given by clients; those who watch the servers look at every address. */
  async keys(): Promise<number> {
    const keys = await this.redis.keys('*');
    return keys.filter((key) => !key.endsWith('probe')).length;
  }

  async stop(): Promise<void> {
    this.redis.disconnect();
    this.server.kill('SIGKILL');
    await once(this.server, 'exit');
    await rm(this.folder, { recursive: true, force: true });
  }
}
