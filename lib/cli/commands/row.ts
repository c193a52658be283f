import type { Command, CommandContext } from '../common/command.js';
import { EXIT } from '../common/exit-code.js';
import { printable } from '../common/printable.js';
import { ENTITY_OPTIONS, withKeyspace } from '../entities/entity-connection.js';
import { rowKeyFrom, type RowKey } from '../entities/row-key.js';
import { readEntity, type StoredEntity } from '../entities/stored-entity.js';
import { readRow, type StoredRow } from '../entities/stored-row.js';

/** `keyslot row`: one row. */
export const rowCommand: Command = {
  name: 'row',
  summary: 'Show a row of an entity, with its values',
  takes: 'ENTITY KEY',
  count: [2, 3],
  options: ENTITY_OPTIONS,
  notes: [
    'KEY is the id of the row. For a row in a partition of another entity, it is the id of the partition and the id of the\nrow: keyslot row OrderItem 42 7. The key in Redis works, too: keyslot row OrderItem {Order:42}:OrderItem:7.',
    'This is the only command that prints stored values.',
  ],
  async run(given, context) {
    const [name, ...words] = given.words;
    return withKeyspace(given, context, async (keyspace) => {
      const entity = await readEntity(keyspace, name);
      const key = rowKeyFrom(entity, words, keyspace.prefix);
      const row = await readRow(keyspace.client, entity, key);
      if (row === undefined) {
        context.terminal.warn(`There is no row at ${printable(key.key)}`);
        return EXIT.no;
      }
      if (given.has('json')) context.terminal.printJson(jsonOf(entity, key, row));
      else printRow(entity, key, row, context);
      return EXIT.ok;
    });
  },
};

const hasExpired = ({ expiresAt }: StoredRow): boolean =>
  expiresAt !== undefined && expiresAt.getTime() <= Date.now();

function jsonOf(
  { name, owner }: StoredEntity,
  { partition, id, key }: RowKey,
  row: StoredRow,
): Record<string, unknown> {
  const { version, expiresAt, properties, collections } = row;
  return {
    entity: name,
    partition: name === owner ? null : { entity: owner, id: partition },
    id,
    key,
    version: version === null ? null : Number(version),
    expiresAt: expiresAt?.toISOString() ?? null,
    expired: hasExpired(row),
    values: Object.fromEntries(properties.map(({ name: property, value }) => [property, value])),
    collections: Object.fromEntries(
      collections.map(({ name: property, kind, size }) => [property, { kind, size }]),
    ),
  };
}

function printRow(
  { name, owner }: StoredEntity,
  { partition, id, key }: RowKey,
  row: StoredRow,
  { terminal }: CommandContext,
): void {
  const { version, expiresAt, properties, collections } = row;
  const where = name === owner ? '' : ` of ${owner} ${printable(partition)}`;
  terminal.print(terminal.style('bold', `${name} ${printable(id)}${where}`));
  terminal.print(`key ${printable(key)}, version ${version ?? 'unknown'}`);
  if (expiresAt !== undefined)
    terminal.print(
      hasExpired(row)
        ? `expired at ${timeText(expiresAt)}: reads and writes treat it as missing`
        : `expires at ${timeText(expiresAt)}`,
    );
  terminal.print();
  terminal.printTable(
    ['property', 'type', 'value'],
    [
      ...properties.map(({ name: property, form, value, fault }) => [
        printable(property),
        form,
        valueText(value) + (fault === undefined ? '' : `  (${fault})`),
      ]),
      ...collections.map(({ name: property, kind, size }) => [property, kind, `${size} elements`]),
    ],
  );
}

const timeText = (time: Date): string =>
  Number.isNaN(time.getTime()) ? 'an invalid time' : time.toISOString();

/** Returns a value on one line. Text stands as it is, without quotes. */
function valueText(value: unknown): string {
  if (value === null) return '-';
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}
