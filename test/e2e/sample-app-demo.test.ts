import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import type { LocalCluster } from 'keyslot/testing';
import { createApplication } from '../../sample-app/src/application.js';
import type { DemoState } from '../../sample-app/src/demo/demo-state.js';
import type { Stage } from '../../sample-app/src/demo/stage.js';
import { breakableCluster } from '../breakable-cluster.js';
import { eventually } from '../cluster-fixture.js';

interface Answer<T> {
  status: number;
  body: T;
}
interface SaleBody {
  sold: number;
  left: number;
}
type Refusal = { message: string | string[] };

let cluster: LocalCluster;
breakableCluster({}, (whole) => {
  cluster = whole;
});

const applications: INestApplication[] = [];
afterEach(async () => {
  await Promise.all(applications.splice(0).map((application) => application.close()));
});

/** Starts an application that listens. */
async function open(stage?: Stage): Promise<Demo> {
  const given = process.env.REDIS_CLUSTER_NODES;
  process.env.REDIS_CLUSTER_NODES = cluster.nodes.map(({ name }) => name).join(',');
  try {
    const application = await createApplication(['error', 'fatal'], stage);
    applications.push(application);
    await application.listen(0, '127.0.0.1');
    const { port } = application.getHttpServer().address() as AddressInfo;
    return new Demo(`http://127.0.0.1:${port}`);
  } finally {
    if (given === undefined) delete process.env.REDIS_CLUSTER_NODES;
    else process.env.REDIS_CLUSTER_NODES = given;
  }
}

/** An application on a cluster of its own, as `npm start` has it. */
const openOwner = (): Promise<Demo> =>
  open({
    cluster,
    // it has as little in common with the first as a process of its own would have
    openProcess: async () => ({ url: (await open()).url, close: async () => {} }),
  });

class Demo {
  constructor(readonly url: string) {}

  async get<T = DemoState>(path: string): Promise<Answer<T>> {
    const response = await fetch(this.url + path);
    return { status: response.status, body: (await response.json()) as T };
  }

  async post<T = DemoState>(path: string, body: object = {}): Promise<Answer<T>> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as T };
  }

  async openSale(stock: number): Promise<string> {
    const sale = { title: 'Moon lamp', priceCents: 1990, stock };
    return (await this.post<{ id: string }>('/sales', sale)).body.id;
  }

  fault(saleId: string, fault: string): Promise<Answer<DemoState['faults'] & Refusal>> {
    return this.post(`/demo/sales/${saleId}/faults`, { fault });
  }

  async send(saleId: string, buyers: number, seconds: number): Promise<void> {
    expect((await this.post(`/demo/sales/${saleId}/buyers`, { buyers, seconds })).status).toBe(202);
  }

  async state(saleId: string): Promise<DemoState> {
    return (await this.get(`/demo?sale=${saleId}`)).body;
  }

  /** Waits until some buyers have one, while others still wait. */
  async untilSelling(saleId: string): Promise<void> {
    await eventually(async () => expect((await this.state(saleId)).crowd?.bought).toBeGreaterThan(20));
  }

  /** Waits until all buyers have an answer, and the sale is audited. */
  async untilAudited(saleId: string): Promise<NonNullable<DemoState['crowd']>> {
    const audited = async (): Promise<NonNullable<DemoState['crowd']>> => {
      const { crowd } = await this.state(saleId);
      expect(crowd?.audit).toBeDefined();
      return crowd!;
    };
    return eventually(audited, { timeoutMs: 180_000 });
  }
}

describe('the demo', () => {
  it.each(['kill', 'freeze'])(
    'sells exactly the stock to a thousand buyers of two processes after %s, and takes the node back',
    async (fault) => {
      const demo = await openOwner();
      expect((await demo.post('/demo/processes')).status).toBe(201);
      const stock = 800;
      const saleId = await demo.openSale(stock);
      const { place } = await demo.state(saleId);
      await demo.send(saleId, 1_000, 6);
      await demo.untilSelling(saleId);

      expect((await demo.fault(saleId, fault)).status).toBe(200);
      expect(cluster.nodes.find(({ name }) => name === place?.node)?.state).not.toBe('running');
      const crowd = await demo.untilAudited(saleId);
      expect(crowd).toMatchObject({ buyers: 1_000, waiting: 0, bought: stock, late: 200, error: 0 });
      expect(crowd.audit).toEqual({ sold: stock, orders: stock, twice: 0, lost: 0 });
      expect((await demo.get<SaleBody>(`/sales/${saleId}`)).body).toMatchObject({ sold: stock, left: 0 });

      const after = await demo.state(saleId);
      expect(after.place?.slot).toBe(place?.slot);
      expect(after.place?.node).not.toBe(place?.node);
      expect(after.cluster.nodes.find(({ name }) => name === place?.node)?.state).toBe(
        fault === 'kill' ? 'dead' : 'frozen',
      );
      expect(after.faults?.log.map(({ text }) => text).join('\n')).toMatch(/took over after/);

      // there is no other copy of the sale now
      const refused = await demo.fault(saleId, 'kill');
      expect([refused.status, refused.body.message]).toEqual([409, expect.stringContaining('the only copy')]);
      expect((await demo.fault(saleId, 'restore')).status).toBe(200);
      const { nodes } = (await demo.state(saleId)).cluster;
      expect(nodes.map(({ state }) => state)).toEqual(Array(6).fill('running'));
      expect((await demo.get<SaleBody>(`/sales/${saleId}`)).body).toMatchObject({ sold: stock });
    },
  );

  it('moves the slot of a sale while it sells', async () => {
    const demo = await openOwner();
    const saleId = await demo.openSale(100);
    const { place } = await demo.state(saleId);
    await demo.send(saleId, 200, 2);
    await demo.untilSelling(saleId);
    expect((await demo.fault(saleId, 'move')).status).toBe(200);
    const crowd = await demo.untilAudited(saleId);
    expect(crowd).toMatchObject({
      bought: 100,
      late: 100,
      error: 0,
      audit: { sold: 100, twice: 0, lost: 0 },
    });
    const moved = (await demo.state(saleId)).place;
    expect(moved?.slot).toBe(place?.slot);
    expect(moved?.node).not.toBe(place?.node);
  });

  it('does one thing at a time', async () => {
    const demo = await openOwner();
    const saleId = await demo.openSale(10);
    const answers = await Promise.all([demo.fault(saleId, 'kill'), demo.fault(saleId, 'kill')]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    expect(cluster.nodes.filter(({ state }) => state === 'dead')).toHaveLength(1);
    expect((await demo.fault(saleId, 'restore')).status).toBe(200);
    expect((await demo.fault(saleId, 'restore')).status).toBe(200); // there is nothing to do
  });

  it('counts buyers who came too late, and shows the newest orders to those who come later', async () => {
    const demo = await openOwner();
    const saleId = await demo.openSale(3);
    await demo.send(saleId, 5, 0);
    expect(await demo.untilAudited(saleId)).toMatchObject({ buyers: 5, bought: 3, late: 2, error: 0 });
    await demo.send(saleId, 1, 0);
    expect(await demo.untilAudited(saleId)).toMatchObject({ buyers: 6, bought: 3, late: 3 });
    const { body } = await demo.get<{ id: string; placedAt: string }[]>(`/sales/${saleId}/orders`);
    expect(body).toHaveLength(3);
    expect(body).toEqual(body.toSorted((a, b) => b.placedAt.localeCompare(a.placedAt)));
  });

  it('finds orders that were sold twice or lost', async () => {
    const demo = await openOwner();
    const saleId = await demo.openSale(5);
    await demo.send(saleId, 5, 0);
    await demo.untilAudited(saleId);
    const [first] = (await demo.get<{ id: string }[]>(`/sales/${saleId}/orders`)).body;
    const primary = await cluster.primaryOfSlot((await demo.state(saleId)).place!.slot);
    await cluster.command(primary, 'DEL', `{Sale:${saleId}}:Order:${first.id}`);
    await demo.send(saleId, 1, 0);
    // the stock is short of a piece that no order has
    expect((await demo.untilAudited(saleId)).audit).toMatchObject({ sold: 5, orders: 4, twice: 1, lost: 1 });
  });

  it('rejects invalid input', async () => {
    const demo = await openOwner();
    const saleId = await demo.openSale(1);
    for (const body of [{}, { fault: 'KILL' }, { fault: ['kill'] }, { fault: 'kill', node: 'x' }])
      expect((await demo.post(`/demo/sales/${saleId}/faults`, body)).status).toBe(400);
    for (const body of [
      {},
      { buyers: 0, seconds: 1 },
      { buyers: 1e9, seconds: 1 },
      { buyers: 1, seconds: -1 },
    ])
      expect((await demo.post(`/demo/sales/${saleId}/buyers`, body)).status).toBe(400);
    expect((await demo.post('/demo/sales/none/buyers', { buyers: 1, seconds: 0 })).status).toBe(404);
    expect((await demo.fault('none', 'kill')).status).toBe(404);
    for (const path of ['/demo?sale=%00', '/demo/events?sale=', '/demo?sale=a&sale=b'])
      expect((await demo.get(path)).status).toBe(400);
    expect(cluster.nodes.every(({ state }) => state === 'running')).toBe(true);
  });
});

describe('the demo on a cluster that is not its own', () => {
  it('shows the cluster and sends buyers, and has nothing that breaks it', async () => {
    const demo = await open();
    const saleId = await demo.openSale(2);
    await demo.send(saleId, 3, 0);
    expect(await demo.untilAudited(saleId)).toMatchObject({ bought: 2, late: 1, error: 0 });
    const { faults, doors } = await demo.state(saleId);
    expect(faults).toBeUndefined();
    expect(doors).toEqual([demo.url]);
    const names = cluster.nodes.map(({ name }) => name).toSorted();
    // a node that was restarted is known again after a while
    await eventually(async () => {
      const { cluster: map } = await demo.state(saleId);
      expect(map.nodes.map(({ name }) => name)).toEqual(names);
    });
    for (const fault of ['kill', 'freeze', 'move', 'restore'])
      expect((await demo.fault(saleId, fault)).status).toBe(404);
    expect((await demo.post('/demo/processes')).status).toBe(404);
    expect(cluster.nodes.every(({ state }) => state === 'running')).toBe(true);
  });
});
