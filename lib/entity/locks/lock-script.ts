import { LOCK_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';
import { LUA_CLOCK } from '../lua/lua-clock.js';

/**
 * Acquires a lock and returns `['OK', token]`, or returns `['HELD', milliseconds]` with the time for which another
 * holder may keep it. A holder that asks again receives its current token.
 *
 * The lock is a hash that outlives its holders: `n` is the last token, `h` its holder, `x` when it expires, in
 * milliseconds since 1970. Tokens start at the server's clock in microseconds, so they keep growing even if the hash is
 * lost.
 */
export const LOCK_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the lock
-- ARGV: 1 holder  2 how long to hold it, in milliseconds  3 how long to remember its token
${LUA_CLOCK}
local lock, holder = KEYS[1], ARGV[1]
local held = redis.call('HMGET', lock, '${LOCK_FIELDS.token}', '${LOCK_FIELDS.holder}', '${LOCK_FIELDS.until}')
local token, by, till = tonumber(held[1] or '0'), held[2], tonumber(held[3] or '0')
local now = nowMs()
if by and by ~= '' and by ~= holder and till > now then return { 'HELD', string.format('%.0f', till - now) } end
if by ~= holder then
  local seconds, micros = time()
  token = math.max(token + 1, seconds * 1000000 + micros)
end
local text = string.format('%.0f', token) -- exact below 2^53
redis.call('HSET', lock, '${LOCK_FIELDS.token}', text, '${LOCK_FIELDS.holder}', holder, '${LOCK_FIELDS.until}', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', lock, string.format('%.0f', ARGV[2] + ARGV[3]))
return { 'OK', text }
`);

/**
 * Renews or releases a lock. Returns `['OK']`, or `['LOST']` if another holder has it or it has expired. It compares
 * the token, not the holder, so releasing twice after a lost reply is harmless.
 */
export const RENEW_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the lock
-- ARGV: 1 token  2 how long to hold it, in milliseconds; 0 to release it  3 how long to remember its token
${LUA_CLOCK}
local lock, token = KEYS[1], ARGV[1]
if redis.call('HGET', lock, '${LOCK_FIELDS.token}') ~= token then return { 'LOST' } end
if ARGV[2] == '0' then
  redis.call('HSET', lock, '${LOCK_FIELDS.holder}', '', '${LOCK_FIELDS.until}', '0')
else
  redis.call('HSET', lock, '${LOCK_FIELDS.until}', string.format('%.0f', nowMs() + ARGV[2]))
end
redis.call('PEXPIRE', lock, string.format('%.0f', ARGV[2] + ARGV[3]))
return { 'OK' }
`);
