import { suggestionFor } from '../../cluster/common/check-option-names.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { ownMetadata } from './metadata.js';
import { ROW_OPTIONS } from './stored-options.js';

const KEY = ['type'];
const INDEX = ['name', 'fields', 'scope', 'buckets', 'whileBuilding', 'caseInsensitive'];
const VALUE = ['type', 'enum', 'transformer'];
const NONE: readonly string[] = [];

/** The names of the options of each decorator. An option that is undefined counts as left out. */
export const DECORATOR_OPTIONS = {
  ClusterEntity: ['name', 'partition', 'ttl', 'idempotency', 'changes', 'listed', 'cache', 'dropped'],
  PrimaryKey: [...KEY, 'generate'],
  PartitionKey: KEY,
  Property: [...VALUE, ...ROW_OPTIONS],
  Embedded: NONE,
  Version: NONE,
  Counter: KEY,
  CreatedAt: NONE,
  UpdatedAt: NONE,
  ExpiresAt: NONE,
  DeletedAt: NONE,
  Index: [...INDEX, 'nulls', 'elements'],
  Unique: INDEX,
  SetOf: VALUE,
  ListOf: VALUE,
  SortedSetOf: VALUE,
  HashOf: VALUE,
  StreamOf: VALUE,
  HasMany: ['by', 'cascade'],
  BelongsTo: ['by'],
  BeforeInsert: NONE,
  AfterInsert: NONE,
  BeforeUpdate: NONE,
  AfterUpdate: NONE,
  BeforeRemove: NONE,
  AfterRemove: NONE,
  AfterLoad: NONE,
} as const satisfies Record<string, readonly string[]>;

export type DecoratorName = keyof typeof DECORATOR_OPTIONS;

/**
 * Notes what is wrong in the options of a decorator, for the schema's error: names that are unknown, and options that
 * are not an object.
 *
 * @param property the property or method that it stands on; absent for the class.
 */
export function noteOptionFaults(
  decorator: DecoratorName,
  options: unknown,
  type: object,
  property?: string,
): void {
  const { faults } = ownMetadata(type);
  const at = property === undefined ? '' : `.${property} `;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    faults.push(
      `${at}has @${decorator}() with ${describeKind(options)}: its options must be an object${FORMS[decorator] ?? ''}`,
    );
    return;
  }
  const known: readonly string[] = DECORATOR_OPTIONS[decorator];
  for (const option of Object.keys(options))
    if (!known.includes(option))
      faults.push(
        `${at}has the unknown option ${option} of @${decorator}()${suggestionFor(option, known)}; ` +
          (known.length > 0 ? `known are ${known.join(', ')}` : 'it has none'),
      );
}

/** What to write in place of options that are not an object. */
const FORMS: Partial<Record<DecoratorName, string>> = {
  ClusterEntity: ", such as { name: 'Order' }",
  PrimaryKey: ", such as { generate: 'uuidv7' }",
  Index: ", such as { name: '…', fields: ['…', '…'] }",
  Unique: ", such as { name: '…', fields: ['…', '…'] }",
};
