import { Redis } from 'ioredis';
import type { LocalCluster } from 'keyslot/testing';
import { keySlot } from 'keyslot';

/** Rows of one class in a partition, by their ids. */
export type Rows = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** The indexes of a class: which fields, in which form. */
interface IndexForm {
  readonly name: string;
  readonly fields: readonly (readonly [field: string, type: 'text' | 'number'])[];
}

/** What a class that lives in a partition keeps beside its rows. */
interface ClassForm {
  readonly indexes: readonly IndexForm[];
  /** The property with a unique constraint. */
  readonly unique?: string;
}

/** The class that owns partitions, and those that live in them. */
export interface PartitionForm {
  readonly owner: string;
  readonly classes: Readonly<Record<string, ClassForm>>;
}

/** What the servers hold of a partition, read without any of our code but the slot of a key. */
export interface PartitionTruth {
  readonly owner: Readonly<Record<string, string>>;
  /** The rows of each class. */
  readonly rows: Readonly<Record<string, Rows>>;
  /** Where rows, indexes, uniques and nodes do not agree. */
  readonly faults: readonly string[];
}

/** Reads a partition from its primary by a plain connection, and holds its keys against each other. */
export async function readPartition(
  cluster: LocalCluster,
  { owner, classes }: PartitionForm,
  id: string,
): Promise<PartitionTruth> {
  const tag = `{${owner}:${id}}`;
  const slot = keySlot(tag);
  const primary = await cluster.primaryOfSlot(slot);
  const faults: string[] = [];
  for (const node of cluster.primaries.filter((other) => other !== primary)) {
    const strays = await cluster.command(node, 'CLUSTER', 'COUNTKEYSINSLOT', String(slot));
    if (strays !== 0) faults.push(`${node.name} has ${String(strays)} keys of a slot that is not its own`);
  }
  const redis = new Redis({ host: primary.host, port: primary.port });
  try {
    const keys = new Set(await redis.keys(`${tag}*`));
    const take = async (name: string): Promise<Rows> => {
      const prefix = `${tag}:${name}:`;
      const rows = new Map<string, Record<string, string>>();
      for (const key of keys) {
        if (!key.startsWith(prefix)) continue;
        rows.set(key.slice(prefix.length), await redis.hgetall(key));
        keys.delete(key);
      }
      const index = await redis.zrange(`${tag}:${name}~ix`, '0', '-1');
      const uniques = await redis.hgetall(`${tag}:${name}~uq`);
      faults.push(...differences(`${tag} ${name} index`, index, indexOf(classes[name], rows)));
      const held = Object.entries(uniques).map(([entry, row]) => `${entry} ${row}`);
      faults.push(...differences(`${tag} ${name} uniques`, held, uniquesOf(classes[name], rows)));
      for (const suffix of ['~ix', '~uq']) keys.delete(`${tag}:${name}${suffix}`);
      return rows;
    };
    const rows: Record<string, Rows> = {};
    for (const name of Object.keys(classes)) rows[name] = await take(name);
    const ownerKey = `${tag}:${owner}:${id}`;
    const ownerRow = await redis.hgetall(ownerKey);
    for (const known of [ownerKey, `${tag}~op`, `${tag}~oa`, `${tag}~lk:lock`]) keys.delete(known);
    faults.push(...[...keys].map((key) => `There should be no key ${key}`));
    return { owner: ownerRow, rows, faults };
  } finally {
    redis.disconnect();
  }
}

function indexOf({ indexes }: ClassForm, rows: Rows): string[] {
  return [...rows].flatMap(([id, row]) => [
    `~pk\0${id}`,
    ...indexes.map((index) =>
      [index.name, ...index.fields.map(([field, type]) => FORMS[type](row[field])), id].join('\0'),
    ),
  ]);
}

function uniquesOf({ unique }: ClassForm, rows: Rows): string[] {
  return unique === undefined ? [] : [...rows].map(([id, row]) => `${unique}\0${row[unique]} ${id}`);
}

/** A number sorts by the bytes of its double: those below zero inverted, the others with the first bit set. */
const FORMS = {
  text: (text: string): string => text,
  number: (text: string): string => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(Number(text));
    if (Number(text) < 0) for (let i = 0; i < 8; i++) bytes[i] ^= 0xff;
    else bytes[0] ^= 0x80;
    return bytes.toString('hex');
  },
};

function differences(what: string, found: readonly string[], due: readonly string[]): string[] {
  const [has, should] = [new Set(found), new Set(due)];
  return [
    ...due.filter((entry) => !has.has(entry)).map((entry) => `${what}: no ${JSON.stringify(entry)}`),
    ...found.filter((entry) => !should.has(entry)).map((entry) => `${what}: ${JSON.stringify(entry)}`),
    // two rows with one value of a unique are one entry due twice
    ...(should.size === due.length ? [] : [`${what}: an entry is due twice`]),
  ];
}
