import { byId, count, create, setActive, setText, showList, time } from './dom.js';

const SLOTS = 16_384;
const FAULTS = {
  kill: 'Killing; a replica takes over …',
  freeze: 'Frozen; a replica takes over …',
  move: 'Moving the slot …',
  restore: 'Bringing it back …',
  process: 'Starting a process …',
};

/** The port, where all nodes are on one machine. */
const short = (name) => name.replace(/^127\.0\.0\.1(?=:)/, '');

/** The nodes, the strip of slots, and the buttons that break them. */
export function showCluster({ cluster, place, faults, doors }, saleId) {
  const owner = cluster.nodes.find(({ name }) => name === place?.node);
  showList(
    byId('nodes'),
    cluster.nodes,
    () =>
      create(
        'li',
        {},
        create('b'),
        create('span', { className: 'state' }),
        create('span'),
        create('span', { className: 'mark' }),
      ),
    (tile, node) => {
      const [name, state, load, mark] = tile.children;
      const isRunning = node.state === 'running';
      tile.className = `${isRunning ? `shard-${node.shard % 3}` : ''} ${node.role} ${node.state}`;
      setText(name, short(node.name));
      setText(state, isRunning ? node.role : node.state);
      setText(
        load,
        isRunning
          ? [node.slots > 0 ? `${count(node.slots)} slots` : '', `${count(node.perSecond)}/s`]
              .filter(Boolean)
              .join(' · ')
          : '',
      );
      setText(mark, node === owner ? 'this sale' : '');
    },
  );
  showStrip(cluster, place);
  byId('faults').hidden = !faults;
  byId('events').hidden = !faults?.busy && !faults?.log.length;
  if (faults) showFaults({ cluster, faults, doors, owner }, saleId);
}

function showStrip({ ranges }, place) {
  const strip = byId('strip');
  const drawn = JSON.stringify([ranges, place]);
  if (strip.dataset.drawn === drawn) return;
  strip.dataset.drawn = drawn;
  // single slots that have moved are drawn over their surroundings
  const bySize = ranges.toSorted(([a, b], [c, d]) => d - c - (b - a));
  strip.replaceChildren(
    ...bySize.map(([first, last, shard]) => {
      const part = create('span', { className: `shard-${shard % 3}` });
      part.style.left = `${(100 * first) / SLOTS}%`;
      part.style.width = `${(100 * (last + 1 - first)) / SLOTS}%`;
      return part;
    }),
  );
  if (place) {
    const mark = create('i');
    mark.style.left = `${(100 * (place.slot + 0.5)) / SLOTS}%`;
    strip.append(mark);
  }
  const where = place
    ? `This sale, its orders and their items are in slot ${count(place.slot)} of 16,384${place.node ? `, on ${place.node}` : ', which no node serves now'}.`
    : 'The 16,384 slots, and the nodes that have them.';
  strip.setAttribute('aria-label', where);
  setText(byId('where'), where);
}

function showFaults({ cluster, faults, doors, owner }, saleId) {
  const { busy, log } = faults;
  const hasReplica = cluster.nodes.some(
    ({ role, state, shard }) => role === 'replica' && state === 'running' && shard === owner?.shard,
  );
  const allowed = {
    kill: hasReplica && owner?.state === 'running',
    freeze: hasReplica && owner?.state === 'running',
    move: owner?.state === 'running',
    restore: cluster.nodes.some(({ state }) => state !== 'running'),
  };
  for (const button of document.querySelectorAll('[data-fault]'))
    setActive(button, saleId && !busy && allowed[button.dataset.fault]);
  const ports = doors.map((url) => `:${new URL(url).port}`);
  byId('process').hidden = doors.length > 1;
  setActive(byId('process'), !busy);
  showDoors(ports, saleId);
  showList(
    byId('log'),
    busy ? [{ text: FAULTS[busy] }, ...log.toReversed()] : log.toReversed(),
    () => create('li', {}, create('time'), create('span')),
    (item, { at, text }) => {
      setText(item.children[0], at ? time(at) : 'now');
      setText(item.children[1], text);
    },
  );
}

/** This page may have been reached by another name than the service knows. */
function showDoors(ports, saleId) {
  const line = byId('doors');
  const drawn = `${ports} ${saleId}`;
  if (line.dataset.drawn === drawn) return;
  line.dataset.drawn = drawn;
  if (ports.length === 1) return line.replaceChildren(`One process of the application, ${ports[0]}.`);
  const links = ports.slice(1).map((port) =>
    create('a', {
      href: `${location.protocol}//${location.hostname}${port}/#${saleId ?? ''}`,
      target: '_blank',
      textContent: `open the sale at ${port}`,
    }),
  );
  line.replaceChildren(`${ports.length} processes of the application sell together: `, ...links);
}
