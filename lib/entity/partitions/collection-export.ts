import { STREAM_FIELD } from '../keys/stored-names.js';
import type { Stored } from '../codec/codec.js';
import { type CollectionCall, callsOf } from '../collections/collection-call.js';
import type { EntityClient } from '../common/entity-client.js';
import type { CollectionKind } from '../decorators/collection-kind.js';

/** How many elements are read at a time. */
const PAGE = 1_000;

/** How the elements of a kind of collection are read, and written again. */
interface ElementTransfer {
  /** Yields the parts of elements as bytes, in pages. */
  read(client: EntityClient, key: string): AsyncIterable<Buffer[]>;
  /** Returns the calls that add the elements. */
  calls(parts: readonly Stored[]): CollectionCall[];
  /** How many parts an element has. */
  readonly width: 1 | 2;
}

export const ELEMENT_TRANSFERS: Readonly<Record<CollectionKind, ElementTransfer>> = {
  set: {
    width: 1,
    read: (client, key) => client.elementPages('sscan', key, { count: PAGE }),
    calls: (parts) => callsOf('SADD', parts),
  },
  hash: {
    width: 2,
    read: (client, key) => client.elementPages('hscan', key, { count: PAGE }),
    calls: (parts) => callsOf('HSET', parts),
  },
  'sorted set': {
    width: 2,
    read: (client, key) => client.elementPages('zscan', key, { count: PAGE }),
    calls: (parts) =>
      callsOf(
        'ZADD',
        pairsOf(parts).flatMap(([member, score]) => [score, member]),
      ),
  },
  list: { width: 1, read: listPages, calls: (parts) => callsOf('RPUSH', parts) },
  stream: {
    width: 2,
    read: streamPages,
    calls: (parts) =>
      pairsOf(parts).map(([id, value]) => ({ command: 'XADD', args: [id, STREAM_FIELD, value] })),
  },
};

const pairsOf = (parts: readonly Stored[]): (readonly [Stored, Stored])[] =>
  Array.from({ length: parts.length / 2 }, (_, i) => [parts[2 * i], parts[2 * i + 1]] as const);

async function* listPages(client: EntityClient, key: string): AsyncGenerator<Buffer[]> {
  for (let from = 0; ; from += PAGE) {
    const page = (await client.send('lrange', [key, from, from + PAGE - 1], true)) as Buffer[];
    yield page;
    if (page.length < PAGE) return;
  }
}

async function* streamPages(client: EntityClient, key: string): AsyncGenerator<Buffer[]> {
  for (let from = '-'; ;) {
    const entries = (await client.send('xrange', [key, from, '+', 'COUNT', PAGE], true)) as [
      Buffer,
      Buffer[],
    ][];
    yield entries.flatMap(([id, fields]) => {
      const at = fields.findIndex((field, i) => i % 2 === 0 && field.toString() === STREAM_FIELD);
      return at < 0 ? [] : [id, fields[at + 1]];
    });
    if (entries.length < PAGE) return;
    from = `(${entries.at(-1)![0].toString()}`;
  }
}
