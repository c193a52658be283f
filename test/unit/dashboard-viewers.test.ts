import { ClusterClient } from 'keyslot';
import { EventLog } from '../../lib/dashboard/collectors/event-log.js';
import { Viewers, type Viewer } from '../../lib/dashboard/monitors/viewers.js';
import { eventually } from '../cluster-fixture.js';

/** Someone whose network can be slow. */
class TestViewer implements Viewer {
  isBehind = false;
  readonly received: [event: string, data: { cluster?: object; samples: unknown[] }][] = [];
  ended = false;

  send(event: string, data: string): void {
    this.received.push([event, JSON.parse(data) as { samples: unknown[] }]);
  }

  end(): void {
    this.ended = true;
  }

  get events(): string[] {
    return this.received.map(([event]) => event);
  }
}

// nobody listens there: the page must work all the same
const client = new ClusterClient({ nodes: ['127.0.0.1:1'], startupTimeoutMs: 100 });
const viewers = new Viewers({
  name: 'default',
  names: ['default'],
  client,
  log: new EventLog(client),
  handlers: undefined,
  registry: () => undefined,
});

afterAll(async () => {
  viewers.end();
  await client.close();
});

it('sends everything first, then changes', async () => {
  const viewer = new TestViewer();
  const leave = viewers.add(viewer);
  await eventually(() => viewer.received.length >= 3);
  leave();
  expect(viewer.events.slice(0, 3)).toEqual(['all', 'change', 'change']);
  expect(viewer.received[0][1].cluster).toMatchObject({ name: 'default', verdict: 'down' });
});

it('sends a slow viewer nothing until it is ready, and then everything', async () => {
  const slow = new TestViewer();
  const other = new TestViewer();
  const leave = [viewers.add(slow), viewers.add(other)];
  slow.isBehind = true;
  await eventually(() => other.received.length >= 3);
  expect(slow.events).toEqual(['all']);
  slow.isBehind = false;
  await eventually(() => slow.received.length >= 3);
  for (const one of leave) one();
  expect(slow.events.slice(0, 3)).toEqual(['all', 'all', 'change']);
});

it('counts commands by slot only while somebody watches', () => {
  expect(client.counters.slots).toBeUndefined();
  const leave = viewers.add(new TestViewer());
  expect(client.counters.slots).toBeDefined();
  leave();
  leave();
  expect(client.counters.slots).toBeUndefined();
});

it('ends its viewers', () => {
  const viewer = new TestViewer();
  viewers.add(viewer);
  viewers.end();
  expect([viewer.ended, viewers.size]).toEqual([true, 0]);
});
