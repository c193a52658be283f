import type { EntityRegistry } from 'keyslot';
import { SHARED_SEATS } from './audit.js';
import { Hall, Seat } from './model.js';

/** Inserts a hall, and the seats of it that belong to nobody. */
export async function openHall(registry: EntityRegistry, id: string): Promise<void> {
  const [halls, seats] = [registry.repository(Hall), registry.repository(Seat)];
  await halls.insert(halls.create({ id }));
  for (const code of SHARED_SEATS)
    await seats.insert(seats.create({ hallId: id, id: code, code, worker: -1, state: 'free' }));
}
