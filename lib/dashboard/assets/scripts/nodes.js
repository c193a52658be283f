import { byId, create, Table } from './dom.js';
import { bytes, counted, duration, milliseconds, rate, whole } from './format.js';
import { colorOf, STATES } from './marks.js';

const orDash = (value, format) => (value === undefined ? '–' : format(value));

function replication({ topologyRole, linkUp, lagBytes, replicasOnline }) {
  if (topologyRole === 'primary')
    return orDash(replicasOnline, (count) => `${counted(count, 'replica')} online`);
  if (linkUp === false) return 'no link to its primary';
  return orDash(lagBytes, (lag) => (lag === 0 ? 'in sync' : `${bytes(lag)} behind`));
}

function memory({ memoryBytes, maxMemoryBytes }) {
  if (memoryBytes === undefined) return '–';
  return maxMemoryBytes > 0 ? `${bytes(memoryBytes)} of ${bytes(maxMemoryBytes)}` : bytes(memoryBytes);
}

const COLUMNS = [
  {
    label: 'Node',
    className: 'text wraps',
    text: ({ name, topologyRole }) => `${name} · ${topologyRole ?? 'not in the topology'}`,
    lead: ({ shard }) => create('span', { className: shard === -1 ? '' : `swatch ${colorOf(shard)}` }),
  },
  {
    label: 'State',
    className: 'text',
    text: ({ state }) => STATES[state][0],
    state: ({ state }) => STATES[state][1],
  },
  {
    label: 'Replication',
    className: 'text',
    text: replication,
    state: ({ linkUp }) => (linkUp === false ? 'warn' : ''),
  },
  { label: 'Memory', text: memory },
  { label: 'Commands/s', text: ({ commandsPerSecond }) => orDash(commandsPerSecond, rate) },
  { label: 'From here/s', text: ({ ownPerSecond }) => rate(ownPerSecond) },
  { label: 'Round trip', text: ({ p50 }) => milliseconds(p50) },
  { label: '99 %', card: 'Round trip, 99 %', text: ({ p99 }) => milliseconds(p99) },
  { label: 'Pending', text: ({ pending }) => whole(pending) },
  { label: 'Version', text: ({ version }) => version ?? '–' },
  { label: 'Up for', text: ({ uptimeSeconds }) => orDash(uptimeSeconds, duration) },
];

/** The table of nodes. */
export class Nodes {
  nodes = [];
  selected;

  constructor() {
    this.table = new Table(byId('node-columns'), byId('nodes'), COLUMNS);
  }

  show(nodes) {
    this.nodes = nodes;
    const isFaded = (shard) => this.selected !== undefined && shard !== this.selected;
    this.table.show(
      nodes,
      ({ name }) => name,
      ({ topologyRole, shard }) => `${topologyRole ?? ''} ${isFaded(shard) ? 'faded' : ''}`.trim(),
    );
  }

  /** @param shard the only one that is not faded; undefined for all */
  select(shard) {
    this.selected = shard;
    this.show(this.nodes);
  }
}
