import { notInMemory } from '../command-parts/not-in-memory.js';
import { keySlot } from '../../../cluster/topology/key-slot.js';
import { type CommandSet, type MemoryCommand, atLeast, command, fixed } from '../command-parts/command.js';
import { integerOf } from '../command-parts/numbers.js';
import { MapReply, type MemoryReply, OK } from '../command-parts/reply.js';
import type { Keyspace } from '../keyspace/keyspace.js';
import type { Channels } from './channels.js';

/** What the commands about a node read of it. */
export interface NodeDescription {
  readonly host: string;
  readonly port: number;
  readonly id: string;
  readonly keyspace: Keyspace;
  readonly channels: Channels;
  /** How many replicas have every write. */
  readonly replicas: number;
}

const LAST_SLOT = 16383;

type Subcommand = (args: readonly string[], node: NodeDescription) => MemoryReply;

/** The subcommands of CLUSTER: the node owns all slots. */
const CLUSTER: Readonly<Record<string, Subcommand>> = {
  countkeysinslot: ([slot], { keyspace }) => keyspace.countInSlot(integerOf(slot)),
  getkeysinslot: ([slot, count], { keyspace }) =>
    keyspace.keysInSlot(integerOf(slot)).slice(0, integerOf(count)),
  info: () =>
    [
      'cluster_enabled:1',
      'cluster_state:ok',
      'cluster_slots_assigned:16384',
      'cluster_slots_ok:16384',
      'cluster_slots_pfail:0',
      'cluster_slots_fail:0',
      'cluster_known_nodes:1',
      'cluster_size:1',
      'cluster_current_epoch:1',
      'cluster_my_epoch:1',
      '',
    ].join('\r\n'),
  keyslot: ([key]) => keySlot(Buffer.from(key, 'latin1')),
  myid: (_, { id }) => id,
  nodes: (_, { host, port, id }) =>
    `${id} ${host}:${port}@${port} myself,master - 0 0 1 connected 0-${LAST_SLOT}\n`,
  shards: (_, { host, port, id }) => [
    new MapReply([
      'slots',
      [0, LAST_SLOT],
      'nodes',
      [
        new MapReply([
          'id',
          id,
          'port',
          port,
          'ip',
          host,
          'endpoint',
          host,
          'role',
          'master',
          'replication-offset',
          0,
          'health',
          'online',
        ]),
      ],
    ]),
  ],
  slots: (_, { host, port, id }) => [[0, LAST_SLOT, [host, port, id, []]]],
};

/** The subcommands of PUBSUB. */
const PUBSUB: Readonly<Record<string, Subcommand>> = {
  channels: ([glob = '*'], { channels }) => channels.list('', glob),
  numpat: (_, { channels }) => channels.patterns,
  numsub: (names, { channels }) => channels.count('', names),
  shardchannels: ([glob = '*'], { channels }) => channels.list('s', glob),
  shardnumsub: (names, { channels }) => channels.count('s', names),
};

/** Describes a command with subcommands. Scripts call them in upper case as a rule, thousands of times. */
function container(
  name: string,
  subcommands: Readonly<Record<string, Subcommand>>,
  node: NodeDescription,
): MemoryCommand {
  const known = new Map(
    Object.entries(subcommands).flatMap(([word, run]) => [
      [word, run],
      [word.toUpperCase(), run],
    ]),
  );
  return atLeast(1, (args) => {
    const run = known.get(args[0]) ?? known.get(args[0].toLowerCase());
    if (run) return run(args.slice(1), node);
    throw notInMemory(`${name} ${args[0]}`);
  });
}

/** Returns the commands about a node, which scripts can call too. */
export function nodeCommands(node: NodeDescription): CommandSet {
  const { keyspace, channels } = node;
  return {
    cluster: container('CLUSTER', CLUSTER, node),
    command: command(0, Infinity, () => []),
    config: atLeast(1, () => new MapReply([])),
    echo: fixed(1, ([text]) => text),
    info: command(0, Infinity, () =>
      [
        '# Server',
        'redis_version:7.0.0',
        'redis_mode:cluster',
        '# Replication',
        'role:master',
        'connected_slaves:0',
        '',
      ].join('\r\n'),
    ),
    publish: fixed(2, ([channel, payload]) => channels.publish('', channel, payload)),
    pubsub: container('PUBSUB', PUBSUB, node),
    spublish: fixed(2, ([channel, payload]) => channels.publish('s', channel, payload)),
    time: fixed(0, () => {
      const micros = Math.floor(keyspace.now * 1_000) + keyspace.micros;
      return [String(Math.floor(micros / 1_000_000)), String(micros % 1_000_000)];
    }),
    wait: fixed(2, () => node.replicas),
    waitaof: fixed(3, () => [1, node.replicas]),
    readonly: fixed(0, () => OK),
    readwrite: fixed(0, () => OK),
    asking: fixed(0, () => OK),
  };
}
