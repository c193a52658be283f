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

const INDEXES: Readonly<Record<string, readonly IndexForm[]>> = {
  Seat: [
    { name: 'worker', fields: [['worker', 'number']] },
    {
      name: 'byRank',
      fields: [
        ['state', 'text'],
        ['rank', 'number'],
      ],
    },
  ],
  Sale: [{ name: 'buyer', fields: [['buyer', 'number']] }],
};
const UNIQUES: Readonly<Record<string, string>> = { Seat: 'code', Sale: 'reference' };

/** What the servers hold of a partition, read without any of our code but the slot of a key. */
export interface PartitionTruth {
  readonly hall: Readonly<Record<string, string>>;
  readonly seats: Rows;
  readonly sales: Rows;
  /** Where rows, indexes, uniques and nodes do not agree. */
  readonly faults: readonly string[];
}

/** Reads a partition from its primary by a plain connection, and holds its keys against each other. */
export async function readPartition(cluster: LocalCluster, hallId: string): Promise<PartitionTruth> {
  const tag = `{Hall:${hallId}}`;
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
      faults.push(...differences(`${tag} ${name} index`, index, indexOf(name, rows)));
      const held = Object.entries(uniques).map(([entry, id]) => `${entry} ${id}`);
      faults.push(...differences(`${tag} ${name} uniques`, held, uniquesOf(name, rows)));
      for (const suffix of ['~ix', '~uq']) keys.delete(`${tag}:${name}${suffix}`);
      return rows;
    };
    const [seats, sales] = [await take('Seat'), await take('Sale')];
    const hall = await redis.hgetall(`${tag}:Hall:${hallId}`);
    for (const known of [`${tag}:Hall:${hallId}`, `${tag}~op`, `${tag}~oa`]) keys.delete(known);
    faults.push(...[...keys].map((key) => `There should be no key ${key}`));
    return { hall, seats, sales, faults };
  } finally {
    redis.disconnect();
  }
}

function indexOf(name: string, rows: Rows): string[] {
  return [...rows].flatMap(([id, row]) => [
    `~pk\0${id}`,
    ...INDEXES[name].map((index) =>
      [index.name, ...index.fields.map(([field, type]) => FORMS[type](row[field])), id].join('\0'),
    ),
  ]);
}

function uniquesOf(name: string, rows: Rows): string[] {
  const field = UNIQUES[name];
  return [...rows].map(([id, row]) => `${field}\0${row[field]} ${id}`);
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
