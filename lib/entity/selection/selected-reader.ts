import { type EntityClient, countersOf } from '../common/entity-client.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { RowLoader } from '../rows/row-loader.js';
import { type DeletedRows, readRows } from '../rows/row-reader.js';

/**
 * Reads the fields of a loader alone, in one batch per node. Returns objects of the class, null for missing and expired
 * rows. These objects are not tracked, and no hooks run, because they lack the other properties.
 */
export async function readSelected(
  client: EntityClient,
  loader: RowLoader,
  keys: readonly EntityKey[],
  deleted: DeletedRows = 'left out',
): Promise<(object | null)[]> {
  if (keys.length === 0) return [];
  countersOf(client).operations.add('read', keys.length);
  return (await readRows(client, loader, keys)).map((values, i) =>
    !values || (deleted === 'left out' && loader.isDeleted(values))
      ? null
      : (loader.load(keys[i], values)?.entity ?? null),
  );
}
