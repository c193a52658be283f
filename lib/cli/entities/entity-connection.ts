import { ClusterClient } from '../../client/cluster-client.js';
import type { Arguments } from '../common/arguments.js';
import type { CommandContext } from '../common/command.js';
import type { OptionRow } from '../common/command-form.js';
import { CONNECTION_OPTIONS, connectionOptions } from '../common/connection-options.js';

/** The options of commands that read entities. */
export const ENTITY_OPTIONS: readonly OptionRow[] = [
  { name: 'json', help: 'Print JSON' },
  { name: 'prefix', value: 'TEXT', help: 'The keyPrefix of the application, if it has one' },
  ...CONNECTION_OPTIONS,
];

/** The keys of an application's entities, in a cluster. */
export interface EntityKeyspace {
  readonly client: ClusterClient;
  /** Precedes each key. */
  readonly prefix: string;
}

/** Connects, lets `use` work, and disconnects. */
export async function withKeyspace<T>(
  given: Arguments,
  context: CommandContext,
  use: (keyspace: EntityKeyspace) => Promise<T>,
): Promise<T> {
  // what is left of a broken cluster can still be read
  const client = new ClusterClient({ ...connectionOptions(given, context), requireFullCoverage: false });
  try {
    await client.connect();
    return await use({ client, prefix: given.text('prefix') ?? '' });
  } finally {
    client.disconnect();
  }
}
