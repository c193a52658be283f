import { ROW_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';
import { LUA_EXPIRY } from '../lua/lua-header.js';
import { LUA_FENCE } from '../lua/lua-holds.js';

// All of them answer with lists of text, and do no harm if they run twice, or late. A server that is full runs those that
// take entries away; the fences of dead tokens are small, and gone soon.

/**
 * Reserves a value of a global unique. Answers `[time]`, or who has it: `[time, token, age, reference]`.
 */
export const RESERVE_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the bucket
-- ARGV: 1 encodings  2 token  3 the row's reference
${LUA_FENCE}
local now = nowMs()
local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. string.format('%016.0f', now) .. ARGV[3])
  return { string.format('%.0f', now) }
end
local token, at, owner = string.sub(record, 1, 12), string.sub(record, 13, 28), string.sub(record, 29)
if token == ARGV[2] and owner == ARGV[3] then return { at } end
return { string.format('%.0f', now), token, string.format('%.0f', now - tonumber(at)), owner }
`);

/** Takes a value of a global unique away, if it is there with this token. */
export const UNRESERVE_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the bucket
-- ARGV: 1 encodings  2 token
local record = redis.call('HGET', KEYS[1], ARGV[1])
if record and string.sub(record, 1, 12) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return {}
`);

/** Puts a member into a global index. Answers `[time]`. */
export const ENTER_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the bucket
-- ARGV: 1 member
${LUA_FENCE}
redis.call('ZADD', KEYS[1], 0, ARGV[1])
return { string.format('%.0f', nowMs()) }
`);

/** Takes a member out of a global index. */
export const LEAVE_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the bucket
-- ARGV: 1 member
redis.call('ZREM', KEYS[1], ARGV[1])
return {}
`);

/** Tells what a row says of an entry: `[held]`, `[dead]` or `[open]`; with a fence what would be open is dead. */
export const RESOLVE_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the row, the fences of its partition
-- ARGV: 1 the name of the index  2 token  3 encodings  4 '1' to fence
${LUA_EXPIRY}
${LUA_FENCE}
local values = redis.call('HMGET', KEYS[1], '${ROW_FIELDS.hold}' .. ARGV[1], '${ROW_FIELDS.expiresAt}')
if values[1] == ARGV[2] .. ARGV[3] and not isPast(values[2]) then return { 'held' } end
if isFenced(KEYS[2], ARGV[2]) then return { 'dead' } end
if ARGV[4] ~= '1' then return { 'open' } end
fence(KEYS[2], ARGV[2])
return { 'dead' }
`);
