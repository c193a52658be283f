import { Redis } from 'ioredis';
import { keySlot } from 'keyslot';
import type { LocalCluster, LocalNode } from 'keyslot/testing';
import type { Holdings } from './oracle.js';

const BATCH = 1_000;

/** How the nodes are read, past the client under test. */
export interface Access {
  readonly password?: string;
  readonly ca?: string;
}

/** A plain connection to one node; redirects are errors here. */
export function plainConnection(
  { host, port }: { host: string; port: number },
  { password, ca }: Access,
): Redis {
  const redis = new Redis({ host, port, password, tls: ca === undefined ? undefined : { ca } });
  redis.on('error', () => {});
  return redis;
}

/** Reads what the keys hold from the nodes that own them. The cluster has to be stable. */
export async function readTruth(
  cluster: LocalCluster,
  access: Access,
  keys: readonly string[],
  listKeys: readonly string[],
): Promise<Holdings> {
  const owners = await ownersOf(cluster);
  const connections = new Map(cluster.primaries.map((node) => [node, plainConnection(node, access)]));
  const values = new Map<string, string | null>();
  const lists = new Map<string, readonly string[]>();
  const each = async (
    all: readonly string[],
    ask: (redis: Redis, keys: readonly string[]) => Promise<[Error | null, unknown][] | null>,
    keep: (key: string, reply: unknown) => void,
  ): Promise<void> => {
    for (const [node, redis] of connections) {
      const own = all.filter((key) => owners[keySlot(key)] === node);
      for (let start = 0; start < own.length; start += BATCH) {
        const batch = own.slice(start, start + BATCH);
        const results = (await ask(redis, batch)) ?? [];
        for (const [i, [error, reply]] of results.entries()) {
          if (error !== null) throw error;
          keep(batch[i], reply);
        }
      }
    }
  };
  try {
    await each(
      keys,
      (redis, batch) => redis.pipeline(batch.map((key) => ['get', key])).exec(),
      (key, reply) => values.set(key, reply as string | null),
    );
    await each(
      listKeys,
      (redis, batch) => redis.pipeline(batch.map((key) => ['lrange', key, 0, -1])).exec(),
      (key, reply) => lists.set(key, reply as string[]),
    );
  } finally {
    for (const redis of connections.values()) redis.disconnect();
  }
  return { values, lists };
}

/** The node of every slot, in the eyes of the nodes themselves. */
async function ownersOf(cluster: LocalCluster): Promise<LocalNode[]> {
  const owners: LocalNode[] = [];
  for (const node of cluster.primaries) {
    const lines = String(await cluster.command(node, 'CLUSTER', 'NODES')).split('\n');
    const own =
      lines
        .find((line) => line.includes('myself'))
        ?.split(' ')
        .slice(8) ?? [];
    for (const range of own.filter((text) => !text.startsWith('['))) {
      const [first, last = first] = range.split('-').map(Number);
      for (let slot = first; slot <= last; slot++) owners[slot] = node;
    }
  }
  return owners;
}
