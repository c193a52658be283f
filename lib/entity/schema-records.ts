import { Script } from '../cluster/script.js';
import type { EntityClient } from './entity-client.js';
import { IndexNotReadyError, SchemaRecordError } from './entity-errors.js';
import type { EntitySchema } from './entity-schema.js';
import { type SchemaDefinition, definitionOf, misfits, newIndexes } from './schema-definition.js';
import { ScriptCaller } from './script-caller.js';

/**
 * Writes a schema record, if it still is as it was read: `['OK']` or `['CHANGED']`.
 */
const RECORD_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the record
-- ARGV: 1, 2 the definition and the indexes that are being built, as they were read  3, 4 as they are to be
local known = redis.call('HMGET', KEYS[1], 'definition', 'building')
if (known[1] or '') ~= ARGV[1] or (known[2] or '') ~= ARGV[2] then return { 'CHANGED' } end
redis.call('HSET', KEYS[1], 'definition', ARGV[3], 'building', ARGV[4])
return { 'OK' }
`);

/** The schema record of an entity: what its rows were stored as, and which of its indexes are being built. */
export const recordKey = ({ name }: EntitySchema): string => `{~s:${name}}`;

/** Keeps the schema records, and knows which indexes cannot be asked yet. */
export class SchemaRecords {
  private readonly scripts: ScriptCaller;
  // Names of indexes that were being built when the record was read last; nothing is known of schemas not checked.
  private readonly building = new Map<EntitySchema, ReadonlySet<string>>();

  constructor(private readonly client: EntityClient) {
    this.scripts = new ScriptCaller(client);
  }

  /**
   * Compares a class with its record, and records what is new.
   *
   * @throws SchemaRecordError where rows that are stored do not fit the class.
   */
  async check(schema: EntitySchema): Promise<void> {
    const given = definitionOf(schema);
    await this.change(schema, (stored, building) => {
      if (!stored) return { definition: given, building: [] };
      const faults = misfits(stored, given);
      if (faults.length > 0) throw new SchemaRecordError(schema.name, faults);
      const still = building.filter((name) => Object.hasOwn({ ...given.indexes, ...given.globals }, name));
      // What a class has no more is remembered: the rows may still have it.
      const properties = { ...stored.properties, ...given.properties };
      const globals = stored.globals || given.globals ? { ...stored.globals, ...given.globals } : undefined;
      return {
        definition: { ...given, properties, ...(globals && { globals }) },
        building: [...new Set([...still, ...newIndexes(stored, given)])],
      };
    });
  }

  /** All indexes of the class are built. */
  async markReady(schema: EntitySchema): Promise<void> {
    await this.change(schema, (stored) => ({ definition: stored ?? definitionOf(schema), building: [] }));
  }

  /**
   * Refuses to ask an index that is being built. Where none is, it costs nothing.
   *
   * @throws IndexNotReadyError
   */
  async assertReady(schema: EntitySchema, index: string): Promise<void> {
    if (!this.building.get(schema)?.has(index)) return;
    const [, building] = await this.read(schema); // it may be ready by now
    this.building.set(schema, new Set(namesIn(building)));
    if (this.building.get(schema)!.has(index)) throw new IndexNotReadyError(schema.name, index);
  }

  private async change(
    schema: EntitySchema,
    next: (
      stored: SchemaDefinition | undefined,
      building: readonly string[],
    ) => { definition: SchemaDefinition; building: readonly string[] },
  ): Promise<void> {
    for (;;) {
      const [definition, building] = await this.read(schema);
      const stored = definition === '' ? undefined : (JSON.parse(definition) as SchemaDefinition);
      const made = next(stored, namesIn(building));
      const args = [definition, building, JSON.stringify(made.definition), made.building.join(' ')];
      const call = { script: RECORD_SCRIPT, keys: [recordKey(schema)], args };
      this.building.set(schema, new Set(made.building));
      if (args[0] === args[2] && args[1] === args[3]) return;
      const [outcome] = await this.scripts.run(call, 'safe');
      if (outcome === 'OK') return;
    }
  }

  private async read(schema: EntitySchema): Promise<[definition: string, building: string]> {
    const [definition, building] = await this.client.hmget(recordKey(schema), 'definition', 'building');
    return [definition ?? '', building ?? ''];
  }
}

const namesIn = (text: string): string[] => text.split(' ').filter((name) => name !== '');
