import { nowOf } from '../common/entity-client.js';
import { suggestionFor } from '../../cluster/common/check-option-names.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { isPlain } from '../common/given-value.js';
import type { EntityKey } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { RowLoader } from '../rows/row-loader.js';
import type { DeletedRows, RowContext } from '../rows/row-reader.js';
import { SELECTED } from '../decorators/selected.js';
import { readSelected } from './selected-reader.js';

/** The properties that a call selects. */
export class Selection {
  private constructor(
    private readonly schema: EntitySchema,
    private readonly names: readonly string[],
  ) {}

  /**
   * Checks the option `select`.
   *
   * @throws InvalidArgumentError if it is not a list, is empty, or names a property twice or one that no row stores.
   */
  static of(schema: EntitySchema, given: unknown): Selection {
    const refuse = (why: string): InvalidArgumentError =>
      new InvalidArgumentError('select', `select of ${schema.name} ${why}`);
    if (!Array.isArray(given))
      throw refuse(`must be a list of properties, such as ['id'], got ${describeKind(given)}`);
    if (given.length === 0) throw refuse('is empty: name at least one property, or leave select out');
    const known = selectable(schema);
    for (const [i, name] of (given as unknown[]).entries()) {
      if (typeof name !== 'string') throw refuse(`names properties by strings, got ${describeKind(name)}`);
      if (given.indexOf(name) < i) throw refuse(`names ${name} twice: name each property once`);
      if (schema.collections.some(({ property }) => property === name))
        throw refuse(
          `names ${name}, which is a collection with a key of its own: read it with collection(key, '${name}')`,
        );
      if (schema.relations.some(({ property }) => property === name))
        throw refuse(
          `names ${name}, which is a relation: load it with { with: ['${name}'] } instead of select`,
        );
      if (!known.includes(name))
        throw refuse(
          `names ${name}, which is not a stored property${suggestionFor(name, known)}; known are ${known.join(', ')}`,
        );
    }
    return new Selection(schema, [...keyNames(schema), ...(given as string[])]);
  }

  /**
   * Returns a function that reads the selected properties of rows, and others that a query checks.
   *
   * @param where the query. Its results have all properties that it names.
   */
  reader(
    where?: object,
    deleted?: DeletedRows,
  ): (context: RowContext, keys: readonly EntityKey[]) => Promise<(object | null)[]> {
    const { fields, counters, globals, indexes } = this.schema;
    const named = new Set([...this.names, ...namesIn(where)]);
    // An entry of a global index is compared with all properties of the index. A row that several alternatives find
    // belongs to the first whose index has it, which depends on all properties of that index.
    const compared = where && Object.hasOwn(where, 'or') ? [...globals, ...indexes] : globals;
    if (where) for (const index of compared) for (const { property } of index.fields) named.add(property);
    const schema = {
      ...this.schema,
      fields: fields.filter(({ property }) => named.has(property)),
      counters: counters.filter(({ property }) => named.has(property)),
    };
    let loader: RowLoader | undefined;
    return async (context, keys) => {
      loader ??= new RowLoader(schema, () => nowOf(context.client));
      return readSelected(context.client, loader, keys, deleted);
    };
  }

  /** Returns the selected properties of what was read. */
  pick(read: object): object {
    const picked: object = {};
    for (const name of this.names) Reflect.set(picked, name, Reflect.get(read, name));
    return Object.freeze(Object.defineProperty(picked, SELECTED, { value: true }));
  }
}

const keyNames = ({ partitionKey, primaryKey }: EntitySchema): string[] => [
  ...(partitionKey ? [partitionKey.property] : []),
  primaryKey.property,
];

/** Returns the properties that a row has. */
function selectable(schema: EntitySchema): string[] {
  const { fields, counters, version, expiresAt } = schema;
  const others = [version, expiresAt].filter((name) => name !== undefined);
  return [...keyNames(schema), ...[...fields, ...counters].map(({ property }) => property), ...others];
}

/** Yields every name in a query, also in conditions within others. */
function* namesIn(where: unknown, seen = new Set<unknown>()): Generator<string> {
  const isNested = typeof where === 'object' && where !== null && (Array.isArray(where) || isPlain(where));
  if (!isNested || seen.has(where)) return;
  seen.add(where);
  for (const [name, value] of Object.entries(where)) {
    yield name;
    yield* namesIn(value, seen);
  }
}
