import { LOCK_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';

/**
 * Takes a lock, or holds on to it: `['OK', token]`; or `['HELD', milliseconds]`, how long the other may go on holding
 * it. A holder that asks again gets the token that it has.
 *
 * The lock is a hash that outlives whoever holds it: `n` the token that was handed out last, `h` who got it, `x` until
 * when, in milliseconds since 1970. Tokens begin at the server's clock in microseconds, so they go on growing where
 * the hash is lost.
 */
export const LOCK_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the lock
-- ARGV: 1 holder  2 how long to hold it, in milliseconds  3 how long to remember its token
local lock, holder = KEYS[1], ARGV[1]
local held = redis.call('HMGET', lock, '${LOCK_FIELDS.token}', '${LOCK_FIELDS.holder}', '${LOCK_FIELDS.until}')
local token, by, till = tonumber(held[1] or '0'), held[2], tonumber(held[3] or '0')
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if by and by ~= '' and by ~= holder and till > now then return { 'HELD', string.format('%.0f', till - now) } end
if by ~= holder then token = math.max(token + 1, clock[1] * 1000000 + clock[2]) end
local text = string.format('%.0f', token) -- exact below 2^53
redis.call('HSET', lock, '${LOCK_FIELDS.token}', text, '${LOCK_FIELDS.holder}', holder, '${LOCK_FIELDS.until}', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', lock, string.format('%.0f', ARGV[2] + ARGV[3]))
return { 'OK', text }
`);

/**
 * Holds on to a lock: `['OK']`, or `['LOST']` where another holder has it since, or it is not known any more. It
 * goes by the token, not by the holder, so that letting go twice, for want of a reply, is no loss.
 */
export const RENEW_SCRIPT = new Script(String.raw`#!lua flags=allow-oom
-- KEYS: the lock
-- ARGV: 1 token  2 how long to hold it, in milliseconds; 0 to let go of it  3 how long to remember its token
local lock, token = KEYS[1], ARGV[1]
if redis.call('HGET', lock, '${LOCK_FIELDS.token}') ~= token then return { 'LOST' } end
if ARGV[2] == '0' then
  redis.call('HSET', lock, '${LOCK_FIELDS.holder}', '', '${LOCK_FIELDS.until}', '0')
else
  local clock = redis.call('TIME')
  local till = clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[2]
  redis.call('HSET', lock, '${LOCK_FIELDS.until}', string.format('%.0f', till))
end
redis.call('PEXPIRE', lock, string.format('%.0f', ARGV[2] + ARGV[3]))
return { 'OK' }
`);
