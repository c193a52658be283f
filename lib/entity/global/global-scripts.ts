import { ROW_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';
import { LUA_CLOCK, LUA_EXPIRY } from '../lua/lua-clock.js';
import { LUA_FENCES } from '../lua/lua-holds.js';

// All of these scripts return lists of text, and are harmless if they run twice or late. A server that is out of memory
// still runs those that delete entries: the fences of released tokens are small and expire soon.

/**
 * Reserves a value of a global unique constraint. Returns `[time]`, or `[time, token, age, reference]` of the holder.
 */
export const RESERVE_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the bucket
-- ARGV: 1 encodings  2 token  3 the row's reference
${LUA_CLOCK}
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

/** Deletes the reservation of a value of a global unique constraint, if it has this token. */
export const UNRESERVE_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the bucket
-- ARGV: 1 encodings  2 token
local record = redis.call('HGET', KEYS[1], ARGV[1])
if record and string.sub(record, 1, 12) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return {}
`);

/** Adds a member to a global index. Returns `[time]`. */
export const ENTER_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the bucket
-- ARGV: 1 member
${LUA_CLOCK}
redis.call('ZADD', KEYS[1], 0, ARGV[1])
return { string.format('%.0f', nowMs()) }
`);

/** Removes a member from a global index. */
export const LEAVE_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the bucket
-- ARGV: 1 member
redis.call('ZREM', KEYS[1], ARGV[1])
return {}
`);

/** Returns the state of an entry according to its row: `[held]`, `[dead]` or `[open]`. A fence turns open into dead. */
export const RESOLVE_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the row, the fences of its partition
-- ARGV: 1 the name of the index  2 token  3 encodings  4 '1' to fence
${LUA_EXPIRY}
${LUA_FENCES}
local values = redis.call('HMGET', KEYS[1], '${ROW_FIELDS.hold}' .. ARGV[1], '${ROW_FIELDS.expiresAt}')
if values[1] == ARGV[2] .. ARGV[3] and not isPast(values[2]) then return { 'held' } end
if isFenced(KEYS[2], ARGV[2]) then return { 'dead' } end
if ARGV[4] ~= '1' then return { 'open' } end
fence(KEYS[2], ARGV[2])
return { 'dead' }
`);
