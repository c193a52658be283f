import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { LocalCluster } from 'keyslot/testing';
import { io as connectSocket } from 'socket.io-client';
import { createApplication } from '../../sample-app/src/application.js';
import { eventually, sharedCluster } from '../cluster-fixture.js';

interface Answer {
  status: number;
  body: Record<string, unknown>;
  headers: Headers;
}

/** An application that listens, and what to say to it. */
class Shop {
  private constructor(
    private readonly application: INestApplication,
    readonly url: string,
  ) {}

  static async open(nodes: readonly { host: string; port: number }[]): Promise<Shop> {
    const given = process.env.REDIS_CLUSTER_NODES;
    process.env.REDIS_CLUSTER_NODES = nodes.map(({ host, port }) => `${host}:${port}`).join(',');
    try {
      const application = await createApplication(['error', 'fatal']);
      await application.listen(0, '127.0.0.1');
      const { port } = application.getHttpServer().address() as AddressInfo;
      return new Shop(application, `http://127.0.0.1:${port}`);
    } finally {
      if (given === undefined) delete process.env.REDIS_CLUSTER_NODES;
      else process.env.REDIS_CLUSTER_NODES = given;
    }
  }

  close(): Promise<void> {
    return this.application.close();
  }

  async get(path: string): Promise<Answer> {
    return answerOf(await fetch(this.url + path));
  }

  /** Posts text as it is, anything else as JSON. */
  async post(path: string, body: unknown): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const headers = { 'content-type': 'application/json' };
    return answerOf(await fetch(this.url + path, { method: 'POST', headers, body: text }));
  }

  async openSale(stock: number): Promise<string> {
    const { status, body } = await this.post('/sales', { title: 'Moon lamp', priceCents: 1990, stock });
    expect(status).toBe(201);
    return body.id as string;
  }

  order(saleId: string, orderId: string, buyer = 'Ada', quantity = 1): Promise<Answer> {
    return this.post(`/sales/${saleId}/orders`, { orderId, buyer, quantity });
  }

  async pieces(saleId: string, orderId: string): Promise<number[]> {
    const { body } = await this.get(`/sales/${saleId}/orders/${orderId}`);
    return (body.items as { piece: number }[]).map(({ piece }) => piece);
  }
}

async function answerOf(response: Response): Promise<Answer> {
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

/** A sale's event stream, as a browser reads it: what has arrived so far. */
async function listen(shop: Shop, saleId: string) {
  const events: { type: string; data: Record<string, unknown> }[] = [];
  const abort = new AbortController();
  const response = await fetch(`${shop.url}/sales/${saleId}/events`, { signal: abort.signal });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const ended = (async () => {
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const type = /^event: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (type && data) events.push({ type, data: JSON.parse(data) as Record<string, unknown> });
      }
    }
  })().catch(() => undefined);
  await eventually(() => events.some(({ type }) => type === 'sale'));
  return {
    ended,
    stop: () => abort.abort(),
    sale: () => events.find(({ type }) => type === 'sale')!.data,
    orders: () => events.filter(({ type }) => type === 'order').map(({ data }) => data),
  };
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('the sample application', () => {
  const { nodes } = sharedCluster();
  let shop: Shop;
  let otherShop: Shop; // a second process would have as little in common with the first

  beforeAll(async () => {
    shop = await Shop.open(nodes);
    otherShop = await Shop.open(nodes);
  });
  afterAll(async () => {
    await Promise.all([shop?.close(), otherShop?.close()]);
  });

  it('opens a sale and shows it', async () => {
    const opened = await shop.post('/sales', { title: 'Мок lamp 🌙', priceCents: 1990, stock: 3 });
    expect(opened.status).toBe(201);
    expect(opened.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      title: 'Мок lamp 🌙',
      priceCents: 1990,
      stock: 3,
      sold: 0,
      left: 3,
    });
    expect(await otherShop.get(`/sales/${opened.body.id}`)).toMatchObject({ status: 200, body: opened.body });
    expect((await shop.get(`/sales/${opened.body.id}/place`)).body).toEqual({
      key: `{Sale:${opened.body.id}}:Sale:${opened.body.id}`,
      slot: expect.any(Number),
      node: expect.stringMatching(/:\d+$/),
    });
  });

  it('writes the stock, the order and its items in one transaction', async () => {
    const saleId = await shop.openSale(5);
    const placed = await shop.order(saleId, 'first', 'Ada', 3);
    expect(placed).toMatchObject({
      status: 201,
      body: { id: 'first', buyer: 'Ada', quantity: 3, totalCents: 5970 },
    });

    const found = await shop.get(`/sales/${saleId}/orders/first`);
    expect(found.status).toBe(200);
    const items = [1, 2, 3].map((piece) => ({ piece, priceCents: 1990 }));
    expect(found.body).toEqual({ ...placed.body, items });
    expect((await shop.get(`/sales/${saleId}`)).body).toMatchObject({ sold: 3, left: 2 });

    const tooMany = await shop.order(saleId, 'second', 'Bo', 3);
    expect(tooMany).toMatchObject({ status: 409, body: { code: 'SOLD_OUT', message: 'Only 2 left' } });
    expect((await shop.get(`/sales/${saleId}/orders/second`)).status).toBe(404);
    expect((await shop.get(`/sales/${saleId}`)).body).toMatchObject({ sold: 3, left: 2 });
  });

  it('treats a repeated order as one order, even when the sale is sold out', async () => {
    const saleId = await shop.openSale(2);
    const attempts = range(1, 20).map((n) => (n % 2 ? shop : otherShop).order(saleId, 'again', 'Ada', 2));
    const answers = await Promise.all(attempts);
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201]);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect((await shop.get(`/sales/${saleId}`)).body).toMatchObject({ sold: 2, left: 0 });
    expect((await otherShop.order(saleId, 'again', 'Ada', 2)).status).toBe(200);
  });

  it('does not return an order to another user of its id', async () => {
    const saleId = await shop.openSale(10);
    await shop.order(saleId, 'mine', 'Ada', 1);
    const taken = { status: 409, body: { code: 'ORDER_ID_TAKEN' } };
    expect(await shop.order(saleId, 'mine', 'Bo', 1)).toMatchObject(taken);
    expect(await shop.order(saleId, 'mine', 'Ada', 2)).toMatchObject(taken);
    expect((await shop.get(`/sales/${saleId}`)).body).toMatchObject({ sold: 1 });
  });

  it('sells exactly the stock to a thousand concurrent buyers of two processes', async () => {
    const stock = 100;
    const saleId = await shop.openSale(stock);
    const buyers = range(1, 1000).map((n) => ({ id: `order-${n}`, door: n % 2 ? shop : otherShop }));
    const answers = await Promise.all(
      buyers.map(async ({ id, door }) => ({ id, answer: await door.order(saleId, id, `Buyer ${id}`) })),
    );
    const winners = answers.filter(({ answer }) => answer.status === 201);
    const losers = answers.filter(({ answer }) => answer.status !== 201);
    expect(winners).toHaveLength(stock);
    for (const { answer } of losers)
      expect(answer).toMatchObject({ status: 409, body: { code: 'SOLD_OUT' } });
    expect((await shop.get(`/sales/${saleId}`)).body).toMatchObject({ stock, sold: stock, left: 0 });

    const pieces = await Promise.all(winners.map(({ id }) => shop.pieces(saleId, id)));
    expect(pieces.flat().sort((a, b) => a - b)).toEqual(range(1, stock));
    const lost = await Promise.all(losers.map(({ id }) => shop.get(`/sales/${saleId}/orders/${id}`)));
    expect(new Set(lost.map(({ status }) => status))).toEqual(new Set([404]));
  });

  it('pushes a sale and its orders to browsers, wherever they are placed', async () => {
    const saleId = await shop.openSale(10);
    const elsewhere = await shop.openSale(10);
    const early = await listen(shop, saleId);
    await shop.order(saleId, 'before', 'Ada', 1);
    await eventually(() => early.orders().length === 1); // it is told when it is taken, not before it is answered
    early.stop();
    const stream = await listen(shop, saleId);
    expect(stream.sale()).toMatchObject({ id: saleId, sold: 1, left: 9 });
    expect(stream.orders()).toEqual([]);

    await shop.order(saleId, 'here', 'Bo', 2);
    await shop.order(elsewhere, 'unrelated', 'Chidi', 2);
    await otherShop.order(saleId, 'there', 'Dalia', 3);
    await otherShop.order(saleId, 'there', 'Dalia', 3); // the same order is no news
    await otherShop.order(saleId, 'last', 'Emre', 1);
    await eventually(() => stream.orders().length >= 3);
    expect(stream.orders()).toMatchObject([
      { saleId, id: 'here', buyer: 'Bo', quantity: 2, totalCents: 3980, sold: 3 },
      { saleId, id: 'there', buyer: 'Dalia', quantity: 3, totalCents: 5970, sold: 6 },
      { saleId, id: 'last', buyer: 'Emre', quantity: 1, totalCents: 1990, sold: 7 },
    ]);
    stream.stop();
    await stream.ended;
  });

  it('counts the revenue, in a handler that every process runs', async () => {
    const saleId = await shop.openSale(10);
    const before = await Promise.all(
      [shop, otherShop].map(async (door) => (await door.get('/revenue')).body),
    );
    await shop.order(saleId, 'one', 'Ada', 2);
    await otherShop.order(saleId, 'two', 'Bo', 3);
    for (const [i, door] of [shop, otherShop].entries()) {
      const { orders, cents } = before[i] as { orders: number; cents: number };
      await eventually(async () => {
        expect((await door.get('/revenue')).body).toEqual({ orders: orders + 2, cents: cents + 5 * 1990 });
      });
    }
  });

  it('serves its web page', async () => {
    const response = await fetch(shop.url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const page = await response.text();
    expect(page).toContain('<title>Flash sale</title>');
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it('answers 404 for anything that does not exist', async () => {
    const saleId = await shop.openSale(1);
    for (const path of [
      '/sales/none',
      '/sales/none/orders/none',
      `/sales/${saleId}/orders/none`,
      '/sales/none/events',
      '/nothing',
    ])
      expect([path, (await shop.get(path)).status]).toEqual([path, 404]);
    expect((await shop.order('none', 'order')).status).toBe(404);
  });

  it('sends the same events to WebSockets as to event streams', async () => {
    const saleId = await shop.openSale(5);
    const socket = connectSocket(shop.url, { transports: ['websocket'] });
    const heard: [string, Record<string, unknown>][] = [];
    socket.onAny((event: string, data: Record<string, unknown>) => heard.push([event, data]));
    try {
      socket.emit('follow', 'none');
      await eventually(() =>
        expect(heard).toEqual([['exception', expect.objectContaining({ message: 'There is no sale none' })]]),
      );
      socket.emit('follow', { $ne: null });
      await eventually(() => expect(heard).toHaveLength(2));
      expect(heard[1]).toEqual(['exception', expect.objectContaining({ status: 'error' })]);
      socket.emit('follow', saleId);
      await eventually(() =>
        expect(heard[2]).toEqual(['sale', expect.objectContaining({ id: saleId, left: 5 })]),
      );
      // placed by another process
      await otherShop.order(saleId, 'by-another', 'Ada', 2);
      await eventually(() =>
        expect(heard[3]).toEqual(['order', expect.objectContaining({ saleId, buyer: 'Ada', sold: 2 })]),
      );
    } finally {
      socket.disconnect();
    }
  });

  describe('invalid input', () => {
    const order = { orderId: 'an-order', buyer: 'Ada', quantity: 1 };
    let saleId: string;
    beforeAll(async () => {
      saleId = await shop.openSale(1);
    });
    afterEach(async () => {
      expect(await shop.get(`/sales/${saleId}`)).toMatchObject({ status: 200, body: { sold: 0 } });
    });

    it.each<[string, unknown, string]>([
      ['without its fields', {}, 'orderId must be'],
      ['with a field of another type', { ...order, quantity: '1' }, 'quantity must be a whole number'],
      ['for nothing', { ...order, quantity: 0 }, 'quantity must be a whole number from 1'],
      ['for less than nothing', { ...order, quantity: -1 }, 'quantity must be a whole number from 1'],
      ['for half a piece', { ...order, quantity: 0.5 }, 'quantity must be a whole number'],
      ['for more than anybody may have', { ...order, quantity: 1e9 }, 'from 1 to 10'],
      ['of a nobody', { ...order, buyer: '  ' }, 'buyer must be text'],
      ['of half a character', { ...order, buyer: '\ud83c' }, 'buyer must be text'],
      ['of an object', { ...order, buyer: { length: 3 } }, 'buyer must be text'],
      ['with an endless name', { ...order, buyer: 'a'.repeat(5_000) }, 'buyer must be text of 1 to 100'],
      ['with an id out of braces', { ...order, orderId: '}{:%~' }, 'orderId must be 1 to 64 letters'],
      [
        'with an id that is no name in a path',
        { ...order, orderId: '..' },
        'orderId must be 1 to 64 letters',
      ],
      ['with an id of 5,000 characters', { ...order, orderId: 'a'.repeat(5_000) }, 'orderId must be'],
      ['with an id that ends the line', { ...order, orderId: 'a\n' }, 'orderId must be'],
      ['with a field too many', { ...order, discount: 100 }, 'no fields but orderId, buyer, quantity'],
      [
        'with a prototype',
        '{ "__proto__": { "orderId": "a", "buyer": "b", "quantity": 1 } }',
        'orderId must be',
      ],
      ['that is a list', [order], 'must be a JSON object'],
      ['that is no JSON', '{ "orderId": ', 'JSON'],
      ['that is nothing', '', 'orderId must be'],
    ])('rejects an order %s', async (_, body, why) => {
      const answer = await shop.post(`/sales/${saleId}/orders`, body);
      expect(answer.status).toBe(400);
      expect([answer.body.message].flat().join('; ')).toContain(why);
    });

    it('reports all faults of a sale at once', async () => {
      const answer = await shop.post('/sales', { title: '', priceCents: -1, stock: 'many', extra: true });
      expect(answer).toMatchObject({
        status: 400,
        body: {
          message: [
            'title must be text of 1 to 100 characters',
            'priceCents must be a whole number from 0 to 100000000',
            'stock must be a whole number from 1 to 1000000',
            'there are no fields but title, priceCents, stock',
          ],
        },
      });
    });

    it('rejects form data, and a body that is too long', async () => {
      const form = await fetch(`${shop.url}/sales`, {
        method: 'POST',
        body: new URLSearchParams({ title: 'a' }),
      });
      expect(form.status).toBe(400);
      expect((await shop.post('/sales', { title: 'a'.repeat(1_000_000) })).status).toBe(413);
    });

    it.each([
      ['out of braces', encodeURIComponent('}{:%~')],
      ['of 5,000 characters', 'a'.repeat(5_000)],
      ['with a control character', '%00'],
      ['that is not UTF-8', '%ff'],
      ['that is half an escape', '%'],
    ])('rejects an id %s', async (_, id) => {
      for (const path of [
        `/sales/${id}`,
        `/sales/${id}/place`,
        `/sales/${id}/events`,
        `/sales/${saleId}/orders/${id}`,
      ])
        expect([path, (await shop.get(path)).status]).toEqual([path, 400]);
      expect((await shop.order(id, 'an-order')).status).toBe(400);
    });
  });

  it('closes although browsers are connected', async () => {
    const closing = await Shop.open(nodes);
    const stream = await listen(closing, await closing.openSale(1));
    await closing.close();
    await stream.ended;
    await expect(closing.get('/revenue')).rejects.toThrow('fetch failed');
  });
});

describe('the sample application without its cluster', () => {
  it('answers 503 while the cluster is down, and works again afterwards', async () => {
    const cluster = await LocalCluster.start({
      primaries: 1,
      replicasPerPrimary: 0,
      // everysec puts a write off while a sync is under way, and a kill takes it then
      config: { appendonly: 'yes', appendfsync: 'always' },
    });
    let shop: Shop | undefined;
    try {
      shop = await Shop.open(cluster.seeds);
      const saleId = await shop.openSale(1);
      await cluster.kill(cluster.nodes[0]);
      const answers = await Promise.all([shop.get(`/sales/${saleId}`), shop.order(saleId, 'an-order')]);
      for (const { status, headers, body } of answers) {
        expect(status).toBe(503);
        expect(headers.get('retry-after')).toBe('1');
        expect(JSON.stringify(body)).not.toContain('127.0.0.1');
      }
      await cluster.restart(cluster.nodes[0]);
      expect((await shop.order(saleId, 'an-order')).status).toBe(201);
    } finally {
      await shop?.close();
      await cluster.stop();
    }
  });
});
