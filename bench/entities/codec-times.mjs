// oxlint-disable-next-line import/no-unassigned-import -- the decorators read the metadata that it adds
import 'reflect-metadata';
import { instanceToPlain, plainToInstance, Type } from 'class-transformer';
import { entityKey } from '../../.cache/modules/entity/keys/entity-key.js';
import { RowMapper } from '../../.cache/modules/entity/rows/row-mapper.js';
import { SchemaBuilder } from '../../.cache/modules/entity/schema/schema-builder.js';
import { decodeLine, encodeLine } from './codecs-by-hand.mjs';
import { lineOf } from './model.mjs';
import { orderClasses } from './order-line.mjs';

const WARM_UP = 20_000;

class TransformedAddress {
  street;
  city;
}
class TransformedLine {
  orderId;
  id;
  sku;
  status;
  title;
  quantity;
  priceCents;
  gift;
  addedAt;
  shipTo;
}
Type(() => Date)(TransformedLine.prototype, 'addedAt');
Type(() => TransformedAddress)(TransformedLine.prototype, 'shipTo');

const { OrderLine } = orderClasses(await import('../../.cache/modules/index.js'));
const line = lineOf('codecs', 7);

/** Encoders and decoders of one line, by whom. */
const codecs = { Keyslot: ours(), 'by hand': byHand(), 'class-transformer': transformed() };

/** What is written for a row of an entity, and the entity of a row as it is read, with its marks and version. */
function ours() {
  const mapper = new RowMapper(new SchemaBuilder().build(OrderLine), Date.now);
  const key = entityKey(mapper.schema, { orderId: line.orderId, id: line.id });
  const entity = Object.assign(new OrderLine(), line);
  const { set } = mapper.changes(entity);
  const row = { '~v': '1700000000000000' };
  for (let i = 0; i < set.length; i += 2) row[set[i]] = set[i + 1];
  const values = mapper.loader.valuesOf(row);
  return { encode: () => mapper.changes(entity), decode: () => mapper.loader.load(key, values) };
}

function byHand() {
  const hash = encodeLine(line);
  return { encode: () => encodeLine(line), decode: () => decodeLine(line.orderId, line.id, hash) };
}

/** Objects to plain ones and back; neither makes texts of their values. */
function transformed() {
  const { priceCents, addedAt, ...rest } = line;
  const plain = { ...rest, priceCents: Number(priceCents), addedAt: addedAt.toISOString() };
  const entity = plainToInstance(TransformedLine, plain);
  return { encode: () => instanceToPlain(entity), decode: () => plainToInstance(TransformedLine, plain) };
}

/**
 * Nanoseconds for one line, all in turns.
 * @returns {{ title: string, encode: number[], decode: number[] }[]} a figure for each round
 */
export function codecTimes(rounds, times) {
  const results = Object.entries(codecs).map(([title, codec]) => ({ title, codec, encode: [], decode: [] }));
  for (const { codec } of results) {
    time(codec.encode, WARM_UP);
    time(codec.decode, WARM_UP);
  }
  for (let round = 0; round < rounds; round++) {
    for (const { codec, encode, decode } of results) {
      encode.push(time(codec.encode, times));
      decode.push(time(codec.decode, times));
    }
  }
  return results.map(({ title, encode, decode }) => ({ title, encode, decode }));
}

/** What is made is used, or there would be nothing to make. */
let used = 0;

function time(act, times) {
  const startedAt = process.hrtime.bigint();
  for (let i = 0; i < times; i++) if (act() === null) used++;
  return Number(process.hrtime.bigint() - startedAt) / times;
}
