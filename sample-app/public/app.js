import { showCluster } from './cluster.js';
import { byId, setActive, setText } from './dom.js';
import { Shop } from './shop.js';

const AGAIN_MS = 2_000;
const DRAW_MS = 50;

const shop = new Shop();
let demo; // what was heard of the cluster
let saleId; // the sale is in the address, so that others can be given it
let events; // the one stream of the page
let said; // what the visitor was told, until there is more to say

async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    say([answer.message].flat().join('; '));
  } catch {
    say('The shop does not answer.');
  }
}

function listen() {
  events?.close();
  const source = new EventSource(`/demo/events${saleId ? `?sale=${encodeURIComponent(saleId)}` : ''}`);
  events = source;
  source.onopen = () => setText(byId('connection'), '● live');
  source.onerror = () => {
    setText(byId('connection'), '○ connecting …');
    // a browser gives up for good where the answer was an error
    if (source.readyState === EventSource.CLOSED) setTimeout(() => source === events && listen(), AGAIN_MS);
  };
  const on = (type, hear) =>
    source.addEventListener(type, ({ data }) => {
      hear(data);
      showSoon();
    });
  on('sale', (data) => shop.hearSale(JSON.parse(data)));
  on('order', (data) => shop.hearOrder(JSON.parse(data)));
  on('demo', (data) => {
    demo = JSON.parse(data);
    shop.hearDemo(demo);
  });
  on('gone', (message) => {
    source.close();
    say(message);
    byId('opening').hidden = false;
  });
}

let isShowing = false;
function showSoon() {
  if (isShowing) return;
  isShowing = true;
  setTimeout(() => {
    isShowing = false;
    show();
  }, DRAW_MS);
}

function show() {
  shop.show();
  if (demo) showCluster(demo, saleId);
  setText(byId('notice'), said ?? shop.crowdText() ?? '');
}

function say(text) {
  said = text;
  show();
}

function enter() {
  saleId = location.hash.slice(1) || undefined;
  [demo, said] = [undefined, undefined];
  shop.leave();
  document.title = 'Flash sale';
  byId('opening').hidden = saleId !== undefined;
  show();
  listen();
}

byId('opening').onsubmit = async (event) => {
  event.preventDefault();
  const { title, price, stock } = Object.fromEntries(new FormData(event.target));
  const sale = await post('/sales', { title, priceCents: Math.round(price * 100), stock: Number(stock) });
  if (sale) location.hash = sale.id;
};

/** Sends buyers from the service, whose answers are counted there. */
async function send(buyers, seconds) {
  say(undefined);
  await post(`/demo/sales/${saleId}/buyers`, { buyers, seconds });
}
byId('buy').onclick = () => send(1, 0);
byId('crowd').onclick = ({ target }) => {
  target.disabled = true;
  return send(1_000, 10);
};
byId('another').onclick = () => (location.hash = '');

for (const button of document.querySelectorAll('[data-fault]'))
  button.onclick = () => {
    if (button.ariaDisabled === 'true') return;
    setActive(button, false);
    say(undefined);
    return post(`/demo/sales/${saleId}/faults`, { fault: button.dataset.fault });
  };
byId('process').onclick = ({ target }) => {
  if (target.ariaDisabled === 'true') return;
  setActive(target, false);
  say(undefined);
  return post('/demo/processes', {});
};

window.addEventListener('hashchange', enter);
enter();
