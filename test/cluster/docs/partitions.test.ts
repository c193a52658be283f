import { jest } from '@jest/globals';
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import {
  ClusterClient,
  ClusterEntity,
  type ClusterRepository,
  Counter,
  createRepositories,
  CrossPartitionError,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  VersionConflictError,
} from 'keyslot';
import { sharedCluster } from '../../cluster-fixture.js';
import { snippetsOf } from '../../docs-snippets.js';

const { nodes, keyspace } = sharedCluster();

@ClusterEntity({ name: 'SensorDay' })
class SensorDay {
  @PrimaryKey() id!: string; // sensor-7:2026-11-21
}

@ClusterEntity({ name: 'Event', partition: () => SensorDay })
class Event {
  declare readonly [Shape]: { key: 'dayId' | 'id' };

  @PartitionKey() dayId!: string;
  @PrimaryKey({ generate: 'ulid' }) id!: string;
  @Property() celsius!: number;
}

@ClusterEntity({ name: 'Likes' })
class Likes {
  declare readonly [Shape]: { key: 'id'; counters: 'count' };

  @PrimaryKey() id!: string;
  @Counter() count!: number;
}

// Every block of the page stands in this file as it stands there; what is behind it shows that it does what it says.
describe('docs/partitions.md', () => {
  let cluster: ClusterClient;
  let sensorDays: ClusterRepository<SensorDay>;
  let events: ClusterRepository<Event>;
  let likes: ClusterRepository<Likes>;

  beforeAll(() => {
    cluster = new ClusterClient({ nodes, keyPrefix: keyspace });
    const repositories = createRepositories(cluster, [SensorDay, Event, Likes]);
    sensorDays = repositories.repository(SensorDay);
    events = repositories.repository(Event);
    likes = repositories.repository(Likes);
  });

  afterAll(() => cluster.close());

  it('shows only code that is executed here', () => {
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = snippetsOf('docs/partitions.md').map(({ code }) => code);
    expect(blocks).toHaveLength(8);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('goes through all partitions', async () => {
    async function* eventsOf(sensor: string, days: readonly string[]): AsyncGenerator<Event> {
      for (const day of days) yield* events.stream({ dayId: `${sensor}:${day}` });
    }

    for (const [day, celsius] of [
      ['2026-11-20', 3],
      ['2026-11-21', 4],
      ['2026-11-21', 5],
    ] as const)
      await events.insert(events.create({ dayId: `sensor-7:${day}`, celsius }));

    const count = await events.countBy({ dayId: 'sensor-7:2026-11-21' });
    expect(count).toBe(2);
    const found: number[] = [];
    for await (const { celsius } of eventsOf('sensor-7', ['2026-11-20', '2026-11-21'])) found.push(celsius);
    expect(found).toEqual([3, 4, 5]);
    await expect(
      events.transaction('sensor-7:2026-11-20', (tx) => tx.find(Event, { dayId: 'sensor-7:2026-11-21' })),
    ).rejects.toThrow(CrossPartitionError);
  });

  it('splits a counter', async () => {
    const PARTS = 16;
    const like = (post: string): Promise<number | bigint> => {
      const part = Math.floor(Math.random() * PARTS);
      return likes.increment(`${post}:${part}`, 'count');
    };
    const likesOf = async (post: string): Promise<number> => {
      const parts = await likes.findMany(Array.from({ length: PARTS }, (_, part) => `${post}:${part}`));
      return parts.reduce((sum, part) => sum + (part?.count ?? 0), 0);
    };

    await likes.saveMany(Array.from({ length: PARTS }, (_, part) => likes.create({ id: `p:${part}` })));
    await Promise.all(Array.from({ length: 200 }, () => like('p')));
    expect(await likesOf('p')).toBe(200);
  });

  it('moves a row that changes meanwhile', async () => {
    async function move(key: { dayId: string; id: string }, dayId: string): Promise<void> {
      for (;;) {
        const event = await events.findOne(key);
        if (event === null) return; // it was moved before
        await events.upsert(events.create({ ...event, dayId }));
        try {
          return await events.remove(event);
        } catch (error) {
          if (!(error instanceof VersionConflictError)) throw error;
        }
      }
    }

    const event = await events.insert(events.create({ dayId: 'here', celsius: 0 }));
    const key = { dayId: 'here', id: event.id };
    const moved = move(key, 'there');
    let last = 0;
    for (let celsius = 1; celsius <= 100; celsius++) {
      const written = await events.update(key, { celsius }).catch(() => null); // until it is not here any more
      if (written === null) break;
      last = celsius;
    }
    await moved;
    await move(key, 'there'); // changes nothing

    expect(await events.findOne(key)).toBeNull();
    expect(await events.findOne({ dayId: 'there', id: event.id })).toMatchObject({ celsius: last });
  });

  it('exports and imports a partition', async () => {
    const dayId = 'sensor-7:2026-11-21';
    const count = await events.countBy({ dayId });
    const folder = mkdtempSync(join(tmpdir(), 'keyslot-'));
    const path = join(folder, 'partition.jsonl');
    const otherCluster = new ClusterClient({ nodes, keyPrefix: `${keyspace}other:` });
    const elsewhere = createRepositories(otherCluster, [SensorDay, Event]).repository(SensorDay);
    try {
      const file = createWriteStream(path);
      for await (const line of sensorDays.partition('sensor-7:2026-11-21').export()) file.write(`${line}\n`);
      file.end();
      await finished(file);

      const lines = createInterface({ input: createReadStream(path) });
      const { rows: imported } = await elsewhere.partition('sensor-7:2026-11-21').import(lines);
      expect(imported).toBe(count);
    } finally {
      await otherCluster.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('measures and deletes a partition', async () => {
    const dayId = 'sensor-7:2026-11-21';
    await sensorDays.insert(sensorDays.create({ id: dayId }));
    const logged = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    const { rows, keys, bytes } = await sensorDays.partition('sensor-7:2026-11-21').size();
    const count = await events.countBy({ dayId });
    expect(rows).toMatchObject({ SensorDay: 1, Event: count });
    expect(keys).toBe(count + 2); // and the index
    expect(bytes).toBeGreaterThan(0);
    {
      const { rows: deleted, unknown } = await sensorDays.partition('sensor-7:2026-11-21').delete({
        onProgress: (step) => console.log(`${step.rows} of ${step.total}`),
      });
      expect([deleted, unknown]).toEqual([count + 1, []]);
      expect(logged).toHaveBeenLastCalledWith(`${deleted} of ${deleted}`);
    }
    logged.mockRestore();
    expect(await events.countBy({ dayId })).toBe(0);
  });
});

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');
