import { Charts } from './charts.js';
import { byId, create, setClass, setText, showList } from './dom.js';
import { byName, bytes, counted, duration, whole } from './format.js';
import { Entities, Log, Messages, showBusy } from './lists.js';
import { Nodes } from './nodes.js';
import { Stream } from './stream.js';
import { Strip } from './strip.js';

const SLOTS = 16_384;
/** How many problems are listed. */
const PROBLEMS = 6;

/** What the page says of its stream, and how bad that is. */
const STREAM_STATES = {
  connecting: ['Connecting', ''],
  live: ['Live', 'good'],
  paused: ['Paused', ''],
  stale: ['No news: the application is busy or gone', 'warn'],
  lost: ['The application cannot be reached; trying again', 'bad'],
  refused: ['Access was refused: sign in again and reload the page', 'bad'],
};

const VERDICTS = {
  up: ['All slots are served', ''],
  degraded: ['All slots are served, with less redundancy', 'warn'],
  down: ['Not all slots are served', 'bad'],
};

// beside this file, wherever the application is mounted
const events = new URL('../events', import.meta.url);

const charts = new Charts();
const nodes = new Nodes();
const entities = new Entities();
const messages = new Messages();
const log = new Log();
const strip = new Strip((shard) => nodes.select(shard));
/** The latest of each part. */
let state = {};

function receive(type, update) {
  const fresh = type === 'all';
  if (fresh) state = {};
  const { samples, log: lines, ...parts } = update;
  Object.assign(state, parts);
  charts.add(samples, fresh);
  if (fresh || lines.length > 0) log.add(lines, fresh);
  if (parts.cluster || parts.topology || parts.nodes) showCluster(state);
  if (parts.nodes) nodes.show(parts.nodes);
  if (parts.topology || parts.nodes) strip.showTopology(state.topology, state.nodes);
  if (parts.slots) strip.showLoad(parts.slots);
  if (parts.slots || parts.topology) showBusy(state.slots, state.topology);
  if (parts.totals) showTotals(state);
  if (fresh || parts.cache) showCache(state.cache);
  if (parts.entities) entities.show(parts.entities);
  if (parts.messages) messages.show(parts.messages);
}

function showCluster({ cluster, topology, nodes: all }) {
  const { name, names, verdict, problems } = cluster;
  const title = name === 'default' ? 'Redis Cluster' : name;
  setText(byId('name'), title);
  document.title = verdict === 'up' ? title : `(!) ${title}`;
  const [text, level] = VERDICTS[verdict];
  setText(byId('verdict'), text);
  setClass(byId('verdict'), `verdict ${level}`);
  const make = () => create('li');
  const others = problems.length - PROBLEMS;
  const shown = others > 0 ? [...problems.slice(0, PROBLEMS), `and ${counted(others, 'other')}`] : problems;
  showList(byId('problems'), shown, (problem) => problem, make, setText);
  const primaries = topology.shards.length;
  const covered =
    topology.coveredSlots === SLOTS
      ? `${whole(SLOTS)} slots`
      : `${whole(topology.coveredSlots)} of ${whole(SLOTS)} slots have a primary`;
  const replicas = all.filter(({ topologyRole }) => topologyRole === 'replica').length;
  setText(
    byId('summary'),
    `${counted(primaries, 'primary', 'primaries')} · ${counted(replicas, 'replica')} · ${covered} · ` +
      `topology version ${whole(topology.version)}`,
  );
  showChoice(name, names);
}

function showChoice(name, names) {
  byId('choice').hidden = names.length < 2;
  const make = (one) => create('option', { text: one, value: one });
  showList(
    byId('clusters'),
    names,
    (one) => one,
    make,
    () => {},
  );
  byId('clusters').value = name;
}

function showTotals({ totals, cluster }) {
  const { commands, errors, redirects, retries, unknown, reconnects, connections } = totals;
  const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
  const seconds = (Date.now() - cluster.since) / 1_000;
  const parts = [
    `${counted(commands, 'command')} in ${duration(seconds)}`,
    failed === 0 ? 'no errors' : `${counted(failed, 'error')}: ${byName(errors)}`,
    byName(redirects) && `redirects: ${byName(redirects)}`,
    retries > 0 && counted(retries, 'retry', 'retries'),
    counted(unknown, 'unknown outcome'),
    reconnects > 0 && counted(reconnects, 'reconnect'),
    counted(connections, 'connection'),
  ];
  setText(byId('totals'), parts.filter(Boolean).join(' · '));
}

/** @param cache undefined for a client without one */
function showCache(cache) {
  byId('cache').hidden = cache === undefined;
  if (cache === undefined) return;
  const { hits, misses, joined, staleRefusals, invalidations, evictions, entries, bytes: size } = cache;
  const reads = hits + misses;
  const parts = [
    reads === 0
      ? 'nothing was read yet'
      : `${whole((hits / reads) * 100)} % of ${counted(reads, 'read')} from memory`,
    joined > 0 && `${whole(joined)} joined another read`,
    `${counted(entries, 'reply', 'replies')} kept, ${bytes(size)}`,
    invalidations > 0 && `${counted(invalidations, 'key')} changed by others`,
    evictions > 0 && `${counted(evictions, 'key')} evicted`,
    staleRefusals > 0 && `${counted(staleRefusals, 'miss', 'misses')} without a lease`,
  ];
  setText(byId('cache'), `Cache: ${parts.filter(Boolean).join(' · ')}`);
}

function showStream(name) {
  const [text, level] = STREAM_STATES[name];
  setText(byId('stream'), text);
  setClass(byId('stream'), level);
}

/** The stream of the cluster that the address names after `#`. */
function chosen() {
  const url = new URL(events);
  const name = decodeURIComponent(location.hash.slice(1));
  if (name !== '') url.searchParams.set('cluster', name);
  return url;
}

const stream = new Stream(chosen(), receive, showStream);
addEventListener('hashchange', () => stream.switchTo(chosen()));
byId('clusters').addEventListener(
  'change',
  ({ target }) => (location.hash = encodeURIComponent(target.value)),
);
byId('pause').addEventListener('click', ({ currentTarget }) => {
  const paused = !stream.paused;
  stream.pause(paused);
  currentTarget.ariaPressed = String(paused);
  setText(currentTarget, paused ? 'Resume' : 'Pause');
});
