import { formatDouble } from '../command-parts/numbers.js';
import {
  CommandError,
  DoubleReply,
  MapReply,
  type MemoryReply,
  NO_LIST,
  PairsReply,
  PushReply,
  SetReply,
  StatusReply,
  StreamsReply,
} from '../command-parts/reply.js';
import { asText } from '../lua/conversions.js';
import { LuaTable, type LuaValue } from '../lua/lua-value.js';

/** Returns a table of one field. */
export const tableOf = (field: string, value: string): LuaTable => {
  const table = new LuaTable();
  table.set(field, value);
  return table;
};

/** Returns a reply as a script sees it, in RESP2. */
export function toLua(reply: MemoryReply): LuaValue {
  if (typeof reply === 'string' || typeof reply === 'number') return reply;
  if (typeof reply === 'bigint') return Number(reply);
  if (reply === null || reply === NO_LIST) return false;
  if (reply instanceof StatusReply) return tableOf('ok', reply.text);
  if (reply instanceof CommandError) return tableOf('err', reply.message);
  if (reply instanceof DoubleReply) return formatDouble(reply.value);
  if (reply instanceof PairsReply) return listOf(reply.pairs.flat());
  if (reply instanceof StreamsReply) return listOf(reply.pairs.map((pair) => [...pair]));
  const isHolder = reply instanceof MapReply || reply instanceof SetReply || reply instanceof PushReply;
  return listOf(isHolder ? reply.items : (reply as readonly MemoryReply[]));
}

const listOf = (items: readonly MemoryReply[]): LuaTable => new LuaTable(items.map(toLua));

/** Returns the reply that a value of a script becomes: a list ends at its first nil. */
export function fromLua(value: LuaValue): MemoryReply {
  if (typeof value === 'number') return Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0;
  if (typeof value === 'string') return value;
  if (value === true) return 1;
  if (!(value instanceof LuaTable)) return null;
  const error = asText(value.get('err'));
  if (error !== undefined) return new CommandError(error);
  const status = asText(value.get('ok'));
  if (status !== undefined) return new StatusReply(status);
  const end = value.list.indexOf(undefined);
  return value.list.slice(0, end < 0 ? undefined : end).map(fromLua);
}
