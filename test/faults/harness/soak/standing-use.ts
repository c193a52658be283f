import { setTimeout as delay } from 'node:timers/promises';
import { ClusterEntity, createRepositories, PrimaryKey, Property, type ClusterClient } from 'keyslot';

@ClusterEntity({ name: 'SoakShelf', changes: { maxLength: 100 } })
class Shelf {
  @PrimaryKey() id!: string;
  @Property() visits: number = 0;
}

const PAUSE_MS = 200;

/**
 * What an application keeps open for as long as it runs: a subscription of each kind, a blocked pop, a stream of
 * changes, and work under a lock now and then.
 * @returns ends it
 */
export function beginStandingUse(client: ClusterClient): () => Promise<void> {
  const shelves = createRepositories(client, [Shelf]).repository(Shelf);
  const subscriptions = [
    client.pubsub.channel('soak').subscribe(),
    client.pubsub.pattern('soak*').subscribe(),
    client.pubsub.sharded('soak').subscribe(),
    // the keys are deleted again and again, so it fails again and again
    shelves.changes('shelf').subscribe({ error: () => {} }),
  ];
  let running = true;
  const keep = async (work: () => Promise<unknown>): Promise<void> => {
    while (running) {
      await work().catch(() => {});
      await delay(PAUSE_MS);
    }
  };
  const working = [
    keep(() => client.blpop('soak-list', 1)),
    keep(() =>
      shelves.withLock('shelf', async (lock) => {
        const locked = lock.repository(Shelf);
        const shelf = (await locked.findOne('shelf')) ?? locked.create({ id: 'shelf' });
        shelf.visits++;
        await locked.save(shelf);
      }),
    ),
  ];
  return async () => {
    running = false;
    for (const subscription of subscriptions) subscription.unsubscribe();
    await Promise.all(working);
  };
}
