import { byId, create, setClass, setText, showList, Table } from './dom.js';
import { byName, clock, counted, milliseconds, whole } from './format.js';
import { colorOf } from './marks.js';
import { loadText } from './strip.js';

/** How many of the busiest slots are listed. */
const LISTED = 10;
/** How many lines of the log the page keeps. */
const LINES = 200;

const SOURCES = {
  server: 'CPU time a second, as the servers count it',
  client:
    'Commands of this application; the servers do not count the load of slots (cluster-slot-stats-enabled)',
};

/** The slots with most load. */
export function showBusy({ source, slots }, { shards }) {
  setText(
    byId('busy-source'),
    slots.length === 0 ? 'No commands with keys in the last seconds' : SOURCES[source],
  );
  const most = slots[0]?.rate ?? 1;
  const shardOf = (slot) =>
    shards.findIndex((shard) => shard.slots.some(([first, last]) => first <= slot && slot <= last));
  const make = () => {
    const meter = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    meter.setAttribute('viewBox', '0 0 100 10');
    meter.setAttribute('preserveAspectRatio', 'none');
    meter.setAttribute('class', 'bar');
    meter.setAttribute('aria-hidden', 'true');
    meter.append(document.createElementNS('http://www.w3.org/2000/svg', 'rect'));
    meter.firstElementChild.setAttribute('height', '10');
    return create('li', {}, create('span'), meter, create('span', { className: 'rate' }));
  };
  showList(
    byId('busy'),
    slots.slice(0, LISTED),
    ({ slot }) => slot,
    make,
    (item, { slot, rate }) => {
      const [name, meter, figure] = item.children;
      setText(name, whole(slot));
      meter.firstElementChild.setAttribute('width', String((rate / most) * 100));
      meter.firstElementChild.setAttribute('class', colorOf(Math.max(0, shardOf(slot))));
      setText(figure, loadText(source, rate));
    },
  );
}

const INDEX_WORDS = { index: 'index', unique: 'unique' };

function indexText({ name, kind, scope, fields, state }) {
  const words = [scope === 'global' ? `global ${INDEX_WORDS[kind]}` : INDEX_WORDS[kind], fields.join(', ')];
  return `${name} (${words.join(': ')}) ${STATE_WORDS[state]}`.trim();
}

const STATE_WORDS = {
  ready: '',
  building: 'is being built: run reindex()',
  unknown: 'has not been checked yet',
};

/** Entities, their indexes, and what follows their changes. */
export class Entities {
  constructor() {
    this.table = new Table(byId('follower-columns'), byId('followers'), [
      { label: 'Followers of changes', className: 'text wraps', text: ({ group }) => group },
      { label: 'Handled', text: ({ handled }) => whole(handled) },
      {
        label: 'Failed',
        text: ({ failed }) => whole(failed),
        state: ({ failed }) => (failed > 0 ? 'warn' : ''),
      },
      {
        label: 'Put aside',
        text: ({ putAside }) => whole(putAside),
        state: ({ putAside }) => (putAside > 0 ? 'bad' : ''),
      },
      { label: 'Gaps', text: ({ gaps }) => whole(gaps), state: ({ gaps }) => (gaps > 0 ? 'bad' : '') },
      { label: 'Shares of 64', text: ({ shares }) => whole(shares) },
    ]);
  }

  show({ classes, outboxLagMs, operations, conflicts, followers }) {
    const parts = [
      byName(operations),
      byName(conflicts) && `refused: ${byName(conflicts)}`,
      outboxLagMs === undefined ? '' : `outbox lag ${milliseconds(outboxLagMs)}`,
    ].filter((part) => part !== '');
    setText(byId('entity-summary'), classes.length === 0 ? 'No entities are registered' : parts.join(' · '));
    const make = () => create('div', {}, create('dt'));
    showList(
      byId('entities'),
      classes,
      ({ name }) => name,
      make,
      (item, entity) => {
        const { name, partition, indexes, changes } = entity;
        setText(item.firstElementChild, name);
        const lines = [
          ...(partition === name ? [] : [{ text: `in the partition of ${partition}` }]),
          ...indexes.map((index) => ({ text: indexText(index), warn: index.state === 'building' })),
          ...(changes ? [{ text: 'records its changes' }] : []),
        ];
        while (item.childElementCount > lines.length + 1) item.lastElementChild.remove();
        while (item.childElementCount < lines.length + 1) item.append(create('dd'));
        lines.forEach(({ text, warn }, i) => {
          setText(item.children[i + 1], text);
          setClass(item.children[i + 1], warn ? 'warn' : '');
        });
      },
    );
    this.table.show(followers, ({ group }) => group);
  }
}

/** Subscriptions and handlers. */
export class Messages {
  constructor() {
    const isTrouble = (count) => (count > 0 ? 'warn' : '');
    this.table = new Table(byId('handler-columns'), byId('handlers'), [
      { label: 'Handler', className: 'text wraps', text: ({ handler }) => handler },
      { label: 'Handled', text: ({ handled }) => whole(handled) },
      { label: 'Failed', text: ({ failed }) => whole(failed), state: ({ failed }) => isTrouble(failed) },
      { label: 'Dropped', text: ({ dropped }) => whole(dropped), state: ({ dropped }) => isTrouble(dropped) },
      { label: 'Waiting', text: ({ waiting }) => whole(waiting) },
    ]);
  }

  show({ subscriptions, unconfirmed, messages, unreadable, dropped, buffered, gaps, handlers }) {
    const names = byName(subscriptions);
    const parts = [
      names === '' ? 'No subscriptions' : `Subscriptions: ${names}`,
      unconfirmed > 0 ? `${whole(unconfirmed)} not confirmed` : '',
      counted(messages, 'message'),
      unreadable > 0 ? `${whole(unreadable)} unreadable` : '',
      dropped > 0 ? `${whole(dropped)} dropped` : '',
      buffered > 0 ? `${whole(buffered)} buffered` : '',
      byName(gaps) === '' ? 'no gaps' : `gaps: ${byName(gaps)}`,
    ];
    setText(byId('message-summary'), parts.filter((part) => part !== '').join(' · '));
    const numbered = handlers.map((handler, index) => ({ ...handler, index }));
    this.table.show(numbered, ({ handler, index }) => `${index} ${handler}`);
  }
}

const LEVELS = { info: '', warn: 'warn', error: 'bad' };

/** The log, newest first. */
export class Log {
  lines = [];

  add(lines, fresh) {
    this.lines = [...lines.toReversed(), ...(fresh ? [] : this.lines)].slice(0, LINES);
    const make = ({ at, level, text }) =>
      create(
        'li',
        {},
        create('time', { text: clock(at), dateTime: new Date(at).toISOString() }),
        create('span', { text, className: LEVELS[level] }),
      );
    const shown =
      this.lines.length > 0
        ? this.lines
        : [{ id: 'none', at: Date.now(), level: 'info', text: 'Nothing yet' }];
    showList(
      byId('log'),
      shown,
      ({ id }) => id,
      make,
      () => {},
    );
  }
}
