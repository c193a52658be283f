import type { EntityClient } from './entity-client.js';
import { indexKey } from './entity-key.js';
import type { EntitySchema } from './entity-schema.js';
import { IndexReader } from './index-reader.js';

const QUEUE = '~x\0';

/** The entries, in the index of a partition, of rows that have expired and are still to be swept; the oldest first. */
export function dueRows(client: EntityClient, schema: EntitySchema, tag: string): IndexReader {
  const from = Buffer.from(QUEUE);
  const to = Buffer.from(`${QUEUE}${String(Date.now()).padStart(16, '0')}\x01`);
  return new IndexReader(client, indexKey(schema, tag), [{ from, to }]);
}
