import type { Arguments } from '../common/arguments.js';
import type { Command, CommandContext } from '../common/command.js';
import { EXIT, type ExitCode } from '../common/exit-code.js';
import { printable } from '../common/printable.js';
import { ENTITY_OPTIONS, withKeyspace } from '../entities/entity-connection.js';
import { rowsOf, type RowKey } from '../entities/row-key.js';
import { entityNames, NO_RECORDS, readEntity, type StoredEntity } from '../entities/stored-entity.js';

const DEFAULT_LIMIT = 100;
const MOST = 1_000_000;

/** `keyslot keys`: which rows there are. */
export const keysCommand: Command = {
  name: 'keys',
  summary: 'List the rows of an entity, or the entities',
  takes: '[ENTITY]',
  count: [0, 1],
  options: [
    { name: 'limit', value: 'N', help: `List at most so many rows (default ${DEFAULT_LIMIT})` },
    ...ENTITY_OPTIONS,
  ],
  notes: [
    'It walks over all keys of the cluster (SCAN) until it has enough rows, and lists them in no order. Entities are known\nby their schema records, which applications write at their start.',
  ],
  async run(given, context) {
    const limit = given.count('limit', 1, MOST) ?? DEFAULT_LIMIT;
    const [name] = given.words;
    return withKeyspace(given, context, async (keyspace) => {
      if (name === undefined) return printNames(await entityNames(keyspace), given, context);
      const entity = await readEntity(keyspace, name);
      const rows: RowKey[] = [];
      for await (const row of rowsOf(entity, keyspace)) if (rows.push(row) > limit) break;
      printRows(entity, rows.slice(0, limit), given, context);
      if (rows.length > limit) context.terminal.warn(`There are more rows; --limit lists more than ${limit}`);
      return EXIT.ok;
    });
  },
};

function printNames(names: readonly string[], given: Arguments, { terminal }: CommandContext): ExitCode {
  if (given.has('json')) terminal.printJson(names);
  else for (const name of names) terminal.print(printable(name));
  if (names.length === 0) terminal.warn(NO_RECORDS);
  return EXIT.ok;
}

function printRows(
  { name, owner }: StoredEntity,
  rows: readonly RowKey[],
  given: Arguments,
  { terminal }: CommandContext,
): void {
  if (given.has('json')) terminal.printJson(rows);
  else
    terminal.printTable(
      name === owner ? [name] : [owner, name],
      rows.map(({ partition, id }) => (name === owner ? [id] : [partition, id]).map(printable)),
    );
}
