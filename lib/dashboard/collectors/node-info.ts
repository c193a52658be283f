import type { NodeInfo } from '../state/dashboard-state.js';

/**
 * Reads a reply to INFO. Only the figures that the page shows are taken.
 * @see {@link https://redis.io/docs/latest/commands/info/ | INFO}
 */
export function parseNodeInfo(text: string): NodeInfo {
  const fields = new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon > 0 && !line.startsWith('#') ? [[line.slice(0, colon), line.slice(colon + 1)]] : [];
    }),
  );
  const number = (name: string): number | undefined => {
    const value = Number(fields.get(name) ?? NaN);
    return Number.isFinite(value) ? value : undefined;
  };
  const isReplica = fields.get('role') === 'slave';
  return {
    version: fields.get('valkey_version') ?? fields.get('redis_version'),
    uptimeSeconds: number('uptime_in_seconds'),
    memoryBytes: number('used_memory'),
    maxMemoryBytes: number('maxmemory'),
    commandsPerSecond: number('instantaneous_ops_per_sec'),
    role: fields.has('role') ? (isReplica ? 'replica' : 'primary') : undefined,
    offset: number(isReplica ? 'slave_repl_offset' : 'master_repl_offset'),
    linkUp: isReplica ? fields.get('master_link_status') === 'up' : undefined,
    replicasOnline: isReplica ? undefined : [...text.matchAll(/^slave\d+:.*\bstate=online\b/gm)].length,
  };
}
