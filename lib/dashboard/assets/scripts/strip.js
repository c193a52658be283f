import { byId, create, setClass, setText, showList } from './dom.js';
import { counted, whole } from './format.js';
import { colorOf, servesNothing, STATES } from './marks.js';

const SLOTS = 16_384;
const SVG = 'http://www.w3.org/2000/svg';
/** The strip is drawn in 16,384 by 100 units: spikes above the ground, and the band of shards below. */
const GROUND = 56;
/** The width of a spike, in slots: two pixels of a wide screen. */
const SPIKE = 26;
/** The least width of a range that has room for the number of its shard, in pixels. */
const LABEL_PIXELS = 18;

/** The strip of all slots: the page's map of the cluster. */
export class Strip {
  topology = { shards: [] };
  slots = { source: 'client', slots: [] };
  down = new Set();
  selected;
  slot;
  drawn;

  /** @param onSelect gets the index of the selected shard, or undefined */
  constructor(onSelect) {
    this.onSelect = onSelect;
    this.root = byId('strip');
    this.svg = svg('svg', {
      viewBox: `0 0 ${SLOTS} 100`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    });
    this.svg.append(hatches());
    this.spikes = svg('g');
    this.band = svg('g');
    this.svg.append(this.spikes, this.band);
    this.names = create('div', { className: 'names' });
    this.cursor = create('div', { className: 'cursor', hidden: true });
    this.root.append(this.svg, this.names, this.cursor);
    this.root.ariaValueMin = '0';
    this.root.ariaValueMax = String(SLOTS - 1);
    this.listen();
    this.point(undefined);
  }

  showTopology(topology, nodes) {
    const states = new Map(nodes.map(({ name, state }) => [name, state]));
    this.topology = topology;
    this.down = new Set(
      topology.shards.flatMap(({ primary }, shard) => (servesNothing(states.get(primary)) ? [shard] : [])),
    );
    if (this.selected >= topology.shards.length) this.select(undefined);
    // there may be thousands of ranges
    const drawn = `${topology.version} ${[...this.down]}`;
    if (drawn !== this.drawn) this.drawBand();
    this.drawn = drawn;
    this.showShards(states);
    this.point(this.slot);
  }

  showLoad(slots) {
    this.slots = slots;
    const most = Math.max(...slots.slots.map(({ rate }) => rate), 0);
    this.spikes.replaceChildren(
      ...slots.slots.map(({ slot, rate }) => {
        const height = Math.max(3, (rate / most) * (GROUND - 6));
        const x = Math.min(SLOTS - SPIKE, Math.max(0, slot - SPIKE / 2));
        return svg('rect', { class: 'spike', x, y: GROUND - 2 - height, width: SPIKE, height });
      }),
    );
    this.point(this.slot);
  }

  drawBand() {
    const everywhere = { x: 0, y: GROUND, width: SLOTS, height: 100 - GROUND };
    const names = [];
    const ranges = this.topology.shards.flatMap(({ slots }, shard) =>
      slots.flatMap(([first, last]) => {
        const place = { x: first, y: GROUND, width: last + 1 - first, height: 100 - GROUND };
        const faded = this.selected !== undefined && this.selected !== shard ? 'faded' : '';
        if (place.width > (SLOTS * LABEL_PIXELS) / this.root.clientWidth)
          names.push({ shard, at: (first + last + 1) / 2 / SLOTS });
        const owned = svg('rect', { class: `band ${colorOf(shard)} ${faded}`, ...place });
        return this.down.has(shard) ? [owned, svg('rect', { class: 'down', ...place })] : [owned];
      }),
    );
    this.band.replaceChildren(
      svg('rect', { class: 'ground', ...everywhere }),
      ...ranges,
      ...this.missing().map(([first, last]) =>
        svg('rect', { class: 'missing', ...everywhere, x: first, width: last + 1 - first }),
      ),
    );
    this.names.replaceChildren(
      ...names.map(({ shard, at }) => {
        const name = create('span', {
          text: String(shard + 1),
          className: this.down.has(shard) ? 'on-hatch' : '',
        });
        name.style.left = `${at * 100}%`;
        return name;
      }),
    );
  }

  /** The ranges of slots that no shard has. */
  missing() {
    const owned = this.topology.shards.flatMap(({ slots }) => slots).toSorted(([a], [b]) => a - b);
    const found = [];
    let next = 0;
    for (const [first, last] of [...owned, [SLOTS, SLOTS]]) {
      if (first > next) found.push([next, first - 1]);
      next = Math.max(next, last + 1);
    }
    return found;
  }

  showShards(states) {
    const items = this.topology.shards.map((shard, index) => ({ ...shard, index }));
    const make = ({ index }) =>
      create(
        'li',
        {},
        create(
          'button',
          { type: 'button', onclick: () => this.select(this.selected === index ? undefined : index) },
          create('span', { className: `swatch ${colorOf(index)}` }),
          create('span', { className: 'where' }),
          create('span'),
          create('small'),
        ),
      );
    showList(
      byId('shards'),
      items,
      ({ index }) => index,
      make,
      (item, { index, primary, replicas, slots }) => {
        const [button] = item.children;
        const [, where, size, details] = button.children;
        button.ariaPressed = String(this.selected === index);
        setText(where, `${index + 1} · ${primary}`);
        setText(size, whole(slots.reduce((sum, [first, last]) => sum + last + 1 - first, 0)));
        const isDown = this.down.has(index);
        setClass(details, isDown ? 'bad' : '');
        setText(
          details,
          isDown ? `primary ${STATES[states.get(primary)][0]}` : replicasText(replicas, states),
        );
      },
    );
  }

  select(shard) {
    this.selected = shard;
    this.drawBand();
    for (const [index, item] of [...byId('shards').children].entries())
      item.firstElementChild.ariaPressed = String(index === shard);
    this.onSelect(shard);
  }

  /** Describes a slot. @param slot undefined for none */
  point(slot) {
    this.slot = slot;
    this.cursor.hidden = slot === undefined;
    const text =
      slot === undefined ? 'Point at the strip, or use the arrow keys, to see a slot.' : this.describe(slot);
    setText(byId('slot'), text);
    this.root.ariaValueNow = String(slot ?? 0);
    this.root.ariaValueText = slot === undefined ? 'No slot' : text;
    if (slot !== undefined) this.cursor.style.left = `${((slot + 0.5) / SLOTS) * 100}%`;
  }

  describe(slot) {
    const shard = this.topology.shards.findIndex(({ slots }) =>
      slots.some(([first, last]) => first <= slot && slot <= last),
    );
    const load = this.slots.slots.find((one) => one.slot === slot);
    const owner = shard === -1 ? 'no primary' : `shard ${shard + 1} · ${this.topology.shards[shard].primary}`;
    return `Slot ${whole(slot)} · ${owner}${load === undefined ? '' : ` · ${loadText(this.slots.source, load.rate)}`}`;
  }

  listen() {
    const slotAt = ({ clientX }) => {
      const { left, width } = this.root.getBoundingClientRect();
      return Math.min(SLOTS - 1, Math.max(0, Math.floor(((clientX - left) / width) * SLOTS)));
    };
    this.root.addEventListener('pointermove', (event) => this.point(slotAt(event)));
    this.root.addEventListener('pointerdown', (event) => this.point(slotAt(event)));
    this.root.addEventListener('keydown', (event) => {
      const target = this.keyTarget(event.key, this.slot ?? 0);
      if (target === undefined) return;
      event.preventDefault();
      this.point(Math.min(SLOTS - 1, Math.max(0, target)));
    });
  }

  /** Arrows left and right go to the next slot, up and down to the next range, page keys by 1024. */
  keyTarget(key, slot) {
    const starts = this.topology.shards
      .flatMap(({ slots }) => slots.map(([first]) => first))
      .toSorted((a, b) => a - b);
    const targets = {
      ArrowLeft: slot - 1,
      ArrowRight: slot + 1,
      ArrowUp: starts.find((start) => start > slot),
      ArrowDown: starts.findLast((start) => start < slot),
      PageUp: slot + 1_024,
      PageDown: slot - 1_024,
      Home: 0,
      End: SLOTS - 1,
    };
    return targets[key];
  }
}

/** What a rate of a slot means. */
export const loadText = (source, rate) =>
  source === 'server' ? `${whole(rate)} µs/s` : `${rate < 10 ? rate.toFixed(1) : whole(rate)}/s`;

function replicasText(replicas, states) {
  const answering = replicas.filter(
    (name) => states.get(name) === 'ok' || states.get(name) === 'unknown',
  ).length;
  if (replicas.length === 0) return 'no replica';
  return answering === replicas.length
    ? counted(replicas.length, 'replica')
    : `${answering} of ${counted(replicas.length, 'replica')}`;
}

function svg(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Slots that nobody serves are hatched, so that they are seen without colors, too. */
function hatches() {
  const defs = svg('defs');
  for (const id of ['hatch-missing', 'hatch-down']) {
    const pattern = svg('pattern', { id, width: 120, height: 12, patternUnits: 'userSpaceOnUse' });
    pattern.append(svg('path', { d: 'M-30 15 L150 -3', 'stroke-width': 4 }));
    defs.append(pattern);
  }
  return defs;
}
