import { groupBy } from '../../cluster/common/group-by.js';
import type { ClusterFacts } from './collect-facts.js';
import { notPermitted, type Check, type Finding } from './finding.js';
import type { NodeFacts } from './node-facts.js';

const OLDEST_REDIS = 7;

/** The checks of versions and settings. */
export const SERVER_CHECKS: readonly Check[] = [
  { id: 'versions', run: checkVersions },
  { id: 'full-coverage', run: checkFullCoverage },
  { id: 'eviction', run: checkEviction },
  { id: 'persistence', run: checkPersistence },
  { id: 'keyspace-events', run: checkKeyspaceEvents },
];

/** Returns the version of a node's server; undefined if the user may not see it. */
export function versionOf({ info }: NodeFacts): string | undefined {
  const valkey = info.get('valkey_version');
  if (valkey !== undefined) return `Valkey ${valkey}`;
  const redis = info.get('redis_version');
  return redis === undefined ? undefined : `Redis ${redis}`;
}

/** The nodes by what they have in common, as `127.0.0.1:7000, 127.0.0.1:7001: value`. */
function byValue(nodes: readonly NodeFacts[], valueOf: (node: NodeFacts) => string): Map<string, string> {
  const groups = groupBy(nodes, valueOf);
  return new Map([...groups].map(([value, list]) => [value, list.map(({ name }) => name).join(', ')]));
}

const linesOf = (values: ReadonlyMap<string, string>): string[] =>
  [...values].map(([value, names]) => `${value}: ${names}`);

function checkVersions({ nodes }: ClusterFacts): Finding {
  const versions = byValue(nodes, (node) => versionOf(node) ?? '');
  if (versions.has('')) return notPermitted('INFO', '+info');
  const old = [...versions.keys()].filter(
    (version) => Number(/^Redis (\d+)/.exec(version)?.[1]) < OLDEST_REDIS,
  );
  if (old.length > 0)
    return {
      status: 'problem',
      summary: `${old.join(', ')} is too old`,
      details: linesOf(versions),
      advice: 'Keyslot needs Redis 7.0 or later, or Valkey 7.2 or later',
    };
  if (versions.size === 1) return { status: 'ok', summary: `all nodes run ${[...versions.keys()][0]}` };
  return {
    status: 'warning',
    summary: 'nodes run different versions',
    details: linesOf(versions),
    advice: 'Fine during a rolling upgrade; complete it',
  };
}

/** A check of one setting that all nodes should have alike. */
function settingOf({ nodes }: ClusterFacts, name: string, judge: (value: string) => Finding): Finding {
  const values = byValue(nodes, ({ config }) => config.get(name) ?? '\0');
  if (values.has('\0')) return notPermitted('CONFIG GET', '+config|get');
  if (values.size === 1) return judge([...values.keys()][0]);
  return {
    status: 'warning',
    summary: `nodes have different values of ${name}`,
    details: linesOf(new Map([...values].map(([value, names]) => [value === '' ? '(empty)' : value, names]))),
    advice: `Set ${name} alike on all nodes: after a failover, another value applies`,
  };
}

function checkFullCoverage(facts: ClusterFacts): Finding {
  return settingOf(facts, 'cluster-require-full-coverage', (value) =>
    value === 'no'
      ? {
          status: 'ok',
          summary: 'cluster-require-full-coverage is no: a lost shard does not stop the others',
        }
      : {
          status: 'note',
          summary: 'cluster-require-full-coverage is yes: all slots stop while one has no primary',
          advice:
            'Set it to no, and requireFullCoverage: false in the client, if the other shards are to go on',
        },
  );
}

function checkEviction(facts: ClusterFacts): Finding {
  return settingOf(facts, 'maxmemory-policy', (policy) => {
    const limit = facts.nodes.some(({ config }) => (config.get('maxmemory') ?? '0') !== '0');
    if (policy === 'noeviction') return { status: 'ok', summary: 'nothing is evicted (noeviction)' };
    return {
      status: limit && policy.startsWith('allkeys') ? 'warning' : 'note',
      summary: `maxmemory-policy is ${policy}${limit ? '' : ', without effect while maxmemory is 0'}`,
      advice: policy.startsWith('allkeys')
        ? 'It deletes rows and index entries of entities when memory is full: set noeviction, or use this cluster as a cache only'
        : 'It deletes rows that expire, locks among them, when memory is full: set noeviction if you use entities',
    };
  });
}

function checkPersistence({ nodes }: ClusterFacts): Finding {
  if (nodes.some(({ info }) => info.size === 0)) return notPermitted('INFO', '+info');
  const failed = nodes.flatMap(({ name, info }) => [
    ...(info.get('rdb_last_bgsave_status') === 'err' ? [`${name}: the last snapshot failed`] : []),
    ...(info.get('aof_last_write_status') === 'err'
      ? [`${name}: the last write to the append-only file failed`]
      : []),
    ...(info.get('aof_last_bgrewrite_status') === 'err'
      ? [`${name}: the last rewrite of the append-only file failed`]
      : []),
  ]);
  if (failed.length > 0)
    return {
      status: 'problem',
      summary: 'servers cannot write to disk',
      details: failed,
      advice: 'See their disks and logs',
    };
  const ways = byValue(nodes, wayOf);
  if (ways.has('unknown')) return notPermitted('CONFIG GET', '+config|get');
  if (!ways.has('nothing'))
    return { status: 'ok', summary: `kept on disk by ${[...ways.keys()].join(', ')}` };
  return {
    status: 'warning',
    summary: 'servers keep nothing on disk',
    details: ways.size > 1 ? linesOf(ways) : [],
    advice:
      'Set appendonly yes, unless all data may be lost: a primary that restarts empty also empties its replicas',
  };
}

function wayOf({ info, config }: NodeFacts): string {
  if (info.get('aof_enabled') === '1') return 'append-only file';
  const save = config.get('save');
  if (save === undefined) return 'unknown';
  return save === '' ? 'nothing' : 'snapshots';
}

function checkKeyspaceEvents(facts: ClusterFacts): Finding {
  return settingOf(facts, 'notify-keyspace-events', (value) => ({
    status: value === '' ? 'note' : 'ok',
    summary:
      value === ''
        ? 'notify-keyspace-events is off, which only keyspace handlers need'
        : `notify-keyspace-events is ${value}`,
  }));
}
