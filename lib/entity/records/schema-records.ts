import { random, randomBytes } from '../../cluster/runtime/randomness.js';
import { delay as sleep, monotonicMs } from '../../cluster/common/timers.js';
import { RECORD_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';
import { within } from '../../cluster/common/within.js';
import type { EntityClient } from '../common/entity-client.js';
import { IndexNotReadyError } from '../common/entity-errors.js';
import { type Building, type SchemaRecord, isReady, recordOf } from './schema-record.js';
import { SchemaRecordError } from './schema-record-error.js';
import { recordKey } from '../keys/entity-key.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import type { RowOperation } from '../operations/row-operation.js';
import {
  type SchemaDefinition,
  definitionOf,
  formOf,
  indexNames,
  joined,
  misfits,
} from './schema-definition.js';
import { moveFaults, openMoves } from './moved-properties.js';
import { isMove, movesOf } from './property-move.js';
import { ScriptCaller } from '../scripts/script-caller.js';
import { guardedUniques, takenUniques } from '../operations/taken-uniques.js';

/**
 * Writes a schema record if it is unchanged since it was read. Returns `['OK']` or `['CHANGED']`.
 */
const RECORD_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the record
-- ARGV: 1, 2 the definition and the indexes that are being built, as read  3, 4 their new values
local known = redis.call('HMGET', KEYS[1], '${RECORD_FIELDS.definition}', '${RECORD_FIELDS.building}')
if (known[1] or '') ~= ARGV[1] or (known[2] or '') ~= ARGV[2] then return { 'CHANGED' } end
redis.call('HSET', KEYS[1], '${RECORD_FIELDS.definition}', ARGV[3], '${RECORD_FIELDS.building}', ARGV[4])
return { 'OK' }
`);

/** How long a process uses a record before it reads it again. Others may have started, or built an index, since. */
const FRESH_MS = 5_000;

/** How long a query or a write waits for a record to be read again. Its node may be down. */
const PATIENCE_MS = 200;

/** The longest pause before the next attempt to write a record that another process has changed. */
const LONGEST_PAUSE_MS = 50;

/** What a process knows about a class. */
interface Knowledge extends SchemaRecord {
  readonly own: SchemaDefinition;
  /** The unique constraints that reject writes while they are being built. */
  readonly guarded: ReadonlySet<string>;
  /** Whether one of these is being built. */
  readonly isGuarding: boolean;
  /** When it was last read, or last failed to be read, by a monotonic clock. */
  readonly askedAt: number;
}

/** What a run of `reindex` builds. */
export interface Rebuilding {
  /** The indexes of the class that are being built, with their marks. */
  readonly building: Building;
  /** Indexes that the class does not have, but other programs may use: their entries are left unchanged. */
  readonly spared: ReadonlySet<string>;
}

/** Maintains the schema records, and knows which indexes are not ready. */
export class SchemaRecords {
  private readonly scripts: ScriptCaller;
  private readonly known = new Map<EntitySchema, Knowledge>(); // only schemas that were checked
  private readonly reads = new Map<EntitySchema, Promise<void>>();
  private readonly refreshing = new Map<EntitySchema, Promise<void>>(); // reads that callers are waiting for

  constructor(private readonly client: EntityClient) {
    this.scripts = new ScriptCaller(client);
  }

  /**
   * Compares a class with its record, and records what is new. An index that the class does not have, or has in
   * another form, is no longer ready for any program, because this program will write rows without it.
   *
   * @returns the previous record.
   * @throws SchemaRecordError if stored rows do not fit the class.
   */
  async check(schema: EntitySchema): Promise<SchemaRecord> {
    const own = definitionOf(schema);
    return this.change(schema, ({ definition, building }) => {
      if (!definition) return { definition: own, building: new Map() };
      const moves = movesOf(schema);
      const open = [...building.keys()].filter(isMove);
      const faults = [
        ...misfits(definition, own, moves),
        ...moveFaults(definition, own, moves, open, schema.dropped, fixedOf(schema)),
      ];
      if (faults.length > 0) throw new SchemaRecordError(schema.name, faults);
      const mark = randomBytes(6).toString('hex');
      const unlike = [...indexNames(definition), ...indexNames(own)].filter(
        (name) => formOf(definition, name) !== formOf(own, name),
      );
      return {
        definition: joined(definition, own),
        building: new Map([
          ...building,
          ...[...unlike, ...openMoves(definition, own, moves)].map((name) => [name, mark] as const),
        ]),
      };
    });
  }

  /** Starts to rebuild the indexes of a class. @throws SchemaRecordError */
  async begin(schema: EntitySchema): Promise<Rebuilding> {
    const before = await this.check(schema);
    const { own, building } = this.known.get(schema)!;
    const names = indexNames(own);
    const unknown = before.definition
      ? indexNames(before.definition).filter((name) => !names.includes(name))
      : [];
    return {
      building: new Map([...building].filter(([name]) => names.includes(name))),
      spared: new Set(unknown.filter((name) => !before.building.has(name))),
    };
  }

  /** Returns the moves of properties that a run of `migrate` is to complete. @throws SchemaRecordError */
  async beginMigration(schema: EntitySchema): Promise<Building> {
    await this.check(schema);
    const names = new Set(movesOf(schema).map(({ name }) => name));
    return new Map([...this.known.get(schema)!.building].filter(([name]) => names.has(name)));
  }

  /** Marks indexes, or moves of properties, of a class as ready, unless a program without them has started since their marks were read. */
  async markReady(schema: EntitySchema, built: Building): Promise<void> {
    const own = definitionOf(schema);
    await this.change(schema, ({ definition = own, building }) => ({
      definition,
      building: new Map(
        [...building].filter(
          ([name, mark]) => built.get(name) !== mark || formOf(definition, name) !== formOf(own, name),
        ),
      ),
    }));
  }

  /** Returns the indexes of a class that contain all rows; undefined if the class has not been checked. */
  async readyIndexes(schema: EntitySchema): Promise<ReadonlySet<string> | undefined> {
    if (!this.known.has(schema)) return undefined;
    if (isStale(this.known.get(schema)!)) await this.refresh(schema);
    const known = this.known.get(schema)!;
    return new Set(indexNames(known.own).filter((name) => isReady(known, name)));
  }

  /**
   * Rejects a query on an index that is being built. Otherwise it costs an occasional read.
   *
   * @throws IndexNotReadyError
   */
  async assertReady(schema: EntitySchema, index: string): Promise<void> {
    const known = this.known.get(schema);
    if (!known) return;
    if (!isReady(known, index))
      await this.readAgain(schema); // it may be ready by now
    else if (isStale(known)) await this.refresh(schema);
    if (!isReady(this.known.get(schema)!, index)) throw new IndexNotReadyError(schema.name, index);
  }

  /**
   * Rejects writes that take a value of a unique constraint that is being built, because a row that it does not
   * contain yet may have that value. Otherwise it costs an occasional read, for which all writes of the class wait in
   * order.
   *
   * @returns undefined if there is nothing to wait for.
   * @throws IndexNotReadyError
   */
  assertTakable(operations: readonly RowOperation[]): Promise<void> | undefined {
    let stale: Set<EntitySchema> | undefined;
    let isGuarding = false;
    for (const { schema } of operations) {
      const known = this.known.get(schema);
      if (!known || known.guarded.size === 0) continue;
      if (isStale(known)) (stale ??= new Set()).add(schema);
      else isGuarding ||= known.isGuarding;
    }
    if (!stale && !isGuarding) return undefined;
    return this.refreshAndAssert(stale ?? new Set(), operations);
  }

  private async refreshAndAssert(
    stale: ReadonlySet<EntitySchema>,
    operations: readonly RowOperation[],
  ): Promise<void> {
    await Promise.all([...stale].map((schema) => this.refresh(schema)));
    for (const operation of operations) {
      const { schema } = operation;
      for (const { name } of takenUniques(operation)) {
        const known = this.known.get(schema);
        if (!known?.guarded.has(name) || isReady(known, name)) continue;
        await this.readAgain(schema); // it may be ready by now
        if (isReady(this.known.get(schema)!, name)) continue;
        throw new IndexNotReadyError(schema.name, name, whyNotTaken(schema.name, name));
      }
    }
  }

  /** Reads a record again, but not for long: if its node is down, the record has probably not changed. */
  private refresh(schema: EntitySchema): Promise<void> {
    let refreshing = this.refreshing.get(schema);
    if (!refreshing) {
      const read = async (): Promise<void> => {
        await within(
          PATIENCE_MS,
          this.readAgain(schema).catch(() => {}),
          () => {},
        );
        this.refreshing.delete(schema);
        this.known.set(schema, { ...this.known.get(schema)!, askedAt: monotonicMs() });
      };
      this.refreshing.set(schema, (refreshing = read()));
    }
    return refreshing;
  }

  private readAgain(schema: EntitySchema): Promise<void> {
    let reading = this.reads.get(schema);
    if (!reading) {
      const read = async (): Promise<void> => this.know(schema, recordOf(await this.read(schema)));
      reading = read().finally(() => this.reads.delete(schema));
      this.reads.set(schema, reading);
    }
    return reading;
  }

  private async change(
    schema: EntitySchema,
    next: (record: SchemaRecord) => SchemaRecord,
  ): Promise<SchemaRecord> {
    for (;;) {
      const read = await this.read(schema);
      const before = recordOf(read);
      const made = next(before);
      const written = [
        JSON.stringify(made.definition),
        [...made.building].map(([name, mark]) => `${name}:${mark}`).join(' '),
      ];
      const isSame = read.every((text, i) => text === written[i]);
      const call = { script: RECORD_SCRIPT, keys: [recordKey(schema)], args: [...read, ...written] };
      if (isSame || (await this.scripts.run(call, 'safe'))[0] === 'OK') {
        this.know(schema, made);
        return before;
      }
      await sleep(random() * LONGEST_PAUSE_MS);
    }
  }

  private know(schema: EntitySchema, record: SchemaRecord): void {
    const { own, guarded } = this.known.get(schema) ?? {
      own: definitionOf(schema),
      guarded: guardedUniques([...schema.indexes, ...schema.globals]),
    };
    const isGuarding = [...guarded].some((name) => !isReady({ ...record, own }, name));
    this.known.set(schema, { ...record, own, guarded, isGuarding, askedAt: monotonicMs() });
  }

  private async read(schema: EntitySchema): Promise<[definition: string, building: string]> {
    const [definition, building] = await this.client.hmget(
      recordKey(schema),
      RECORD_FIELDS.definition,
      RECORD_FIELDS.building,
    );
    return [definition ?? '', building ?? ''];
  }
}

/** Returns the properties that cannot be renamed: they have decorators of their own. */
const fixedOf = ({ createdAt, updatedAt, deletion }: EntitySchema): readonly (string | undefined)[] => [
  createdAt,
  updatedAt,
  deletion?.property,
];

const isStale = ({ askedAt }: Knowledge): boolean => monotonicMs() - askedAt > FRESH_MS;

const whyNotTaken = (entity: string, unique: string): string =>
  `The unique constraint '${unique}' of ${entity} is being built, and a row that it does not contain yet may have this ` +
  `value: run repository.reindex() once to make it ready. @Unique({ whileBuilding: 'write' }) allows such writes until then`;
