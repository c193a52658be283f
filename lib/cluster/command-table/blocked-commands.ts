import { InvalidArgumentError } from '../common/errors.js';

/**
 * How firmly a command is refused:
 * - `socket`: it would change or take over a connection that all callers share; no option lets it through.
 * - `node`: it means something only on a node the caller names; `target(node)` or `allowBlocked` lets it through.
 * - `dangerous`: only `allowBlocked` lets it through.
 */
export type BlockKind = 'socket' | 'node' | 'dangerous';

/** Why a command is refused. */
export interface BlockedCommand {
  readonly kind: BlockKind;
  /** What it would do, and what to use instead; the text of `BlockedCommandError`. */
  readonly reason: string;
}

const HANDSHAKE = 'connections are set up by the client; give credentials and protocol as options';
const PUBSUB = 'use cluster.pubsub, which has connections of its own for subscriptions';
const QUEUE = 'use cluster.multi() or cluster.transaction(), which keep a transaction to one connection';
const WATCH = 'use cluster.transaction(), which watches on a connection of its own';
const ONE_CONNECTION = 'it would change one of the connections that all callers share';
const REPLICATION = 'it is what replicas say to their primary';
const READ_FROM = 'use the readFrom option, per client or per call';
const ADMIN = 'it changes what one node believes; use cluster.admin, or name the node with cluster.target()';
const ITS_NODE = 'every node has its own; name the node with cluster.target()';
const CLIENT_ID = 'connections are known to their node only; name the node with cluster.target()';
const ONE_DATABASE = 'a client uses one database, that of its option database';
const FAILOVER = 'replication inside a cluster is arranged by the cluster; use cluster.admin';

const socket = (reason: string, ...names: string[]) => entries('socket', reason, names);
const node = (reason: string, ...names: string[]) => entries('node', reason, names);
const dangerous = (reason: string, ...names: string[]) => entries('dangerous', reason, names);

function entries(kind: BlockKind, reason: string, names: string[]): (readonly [string, BlockedCommand])[] {
  return names.map((name) => [name, { kind, reason }]);
}

/** Every refused command, by its lower-case name (`shutdown`, `cluster reset`). */
export const blockedCommands: ReadonlyMap<string, BlockedCommand> = new Map([
  ...socket(HANDSHAKE, 'auth', 'hello', 'reset'),
  ...socket('use close(), quit() or disconnect() of the client, which see to all connections', 'quit'),
  ...socket(PUBSUB, 'subscribe', 'psubscribe', 'ssubscribe', 'unsubscribe', 'punsubscribe', 'sunsubscribe'),
  ...socket(QUEUE, 'multi', 'exec', 'discard'),
  ...socket(WATCH, 'watch', 'unwatch'),
  ...socket('it turns its connection into a feed; use one of cluster.nodes()', 'monitor'),
  ...socket('it silences a connection that all callers share', 'client reply'),
  ...socket(
    'invalidations reach one shared connection, where nobody listens',
    'client tracking',
    'client caching',
  ),
  ...socket(ONE_CONNECTION, 'client capa', 'client import-source'),
  ...socket('it stops the server for a debugger on its connection', 'script debug'),
  ...socket(READ_FROM, 'readonly', 'readwrite'),
  ...socket('the client sends it where a redirect asks for it', 'asking'),
  ...socket(`${ONE_DATABASE}, and ${ONE_CONNECTION}`, 'select'),
  ...socket(REPLICATION, 'sync', 'psync', 'replconf', 'cluster syncslots'),

  ...node(
    ADMIN,
    'cluster addslots',
    'cluster addslotsrange',
    'cluster bumpepoch',
    'cluster cancelslotmigrations',
  ),
  ...node(ADMIN, 'cluster delslots', 'cluster delslotsrange', 'cluster failover', 'cluster flushslot'),
  ...node(ADMIN, 'cluster flushslots', 'cluster forget', 'cluster meet', 'cluster migrateslots'),
  ...node(ADMIN, 'cluster migration', 'cluster replicate', 'cluster reset', 'cluster saveconfig'),
  ...node(ADMIN, 'cluster set-config-epoch', 'cluster setslot'),
  ...node(CLIENT_ID, 'client kill', 'client unblock'),
  ...node(ITS_NODE, 'backup abort', 'backup cleanup', 'backup list', 'backup seal', 'backup start'),
  ...node(ITS_NODE, 'backup status', 'hotkeys get', 'hotkeys reset', 'hotkeys start', 'hotkeys stop'),
  ...node(ITS_NODE, 'module load', 'module loadex', 'module unload'),

  ...dangerous('it ends a server', 'shutdown'),
  ...dangerous('it can stop, crash or change a server', 'debug'),
  ...dangerous(ONE_DATABASE, 'move', 'swapdb'),
  ...dangerous(FAILOVER, 'failover', 'replicaof', 'slaveof'),
  ...dangerous('servers use it among themselves while slots move; use restore', 'restore-asking'),
  ...dangerous('it deletes the keys of whole slots', 'trimslots'),
]);

const WEB_REQUEST: BlockedCommand = {
  kind: 'socket',
  reason: 'a server takes it for a web request, and closes the connection that all callers share',
};

/** Words that are no commands, but have a server close the connection; lower case. */
export const webRequestWords: ReadonlyMap<string, BlockedCommand> = new Map([
  ['post', WEB_REQUEST],
  ['host:', WEB_REQUEST],
]);

/**
 * Why a call is refused, undefined if it is not.
 *
 * @param allowed what `allowBlocked` lists, as `parseAllowBlocked` gives it
 * @param targeted whether the caller has named the nodes
 */
export function refusalOf(
  command: { readonly name: string; readonly blocked: BlockedCommand | undefined },
  allowed: ReadonlySet<string>,
  targeted: boolean,
): string | undefined {
  const { blocked } = command;
  if (blocked === undefined) return undefined;
  if (blocked.kind !== 'socket' && allowed.has(command.name)) return undefined;
  return blocked.kind === 'node' && targeted ? undefined : blocked.reason;
}

/**
 * The names in the option `allowBlocked`, lower case.
 *
 * @throws InvalidArgumentError for a name that is not blocked, or that nothing can let through.
 */
export function parseAllowBlocked(names: readonly string[]): ReadonlySet<string> {
  const allowed = new Set<string>();
  for (const given of names) {
    const name = String(given).trim().toLowerCase();
    const kind = blockedCommands.get(name)?.kind;
    if (kind === undefined)
      throw new InvalidArgumentError('allowBlocked', `allowBlocked: ${name} is not a blocked command`);
    if (kind === 'socket') {
      throw new InvalidArgumentError(
        'allowBlocked',
        `allowBlocked: ${name} cannot be allowed, it acts on shared connections`,
      );
    }
    allowed.add(name);
  }
  return allowed;
}
