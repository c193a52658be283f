import { ROW_FIELDS, VALUE_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';
import { LUA_COUNTER } from '../lua/lua-counter.js';
import { LUA_LOCK } from '../lua/lua-lock.js';
import { LUA_EXPIRY } from '../lua/lua-clock.js';
import { LUA_OUTBOX } from '../lua/lua-outbox.js';
import { LUA_RIGHTS } from '../lua/lua-rights.js';
import { LUA_WINDOW } from '../lua/lua-window.js';

/**
 * Adds to one counter of an existing row. The row's version does not change, so increments do not conflict with saves.
 *
 * Returns `['OK', value]` or `[fault, 1, '']`.
 */
export const INCREMENT_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the row, and the token window, the lock and the outbox if they are used
-- ARGV: 1 the counter's field  2 the step, followed by 'n' for a bigint  3 token
--   4, 5 the window's times and answers (numbers in KEYS, 0 for none)
--   6 the lock (a number in KEYS, 0 for none)  7 its token
--   8 the outbox (a number in KEYS, 0 for none)  9 its length  10 id of the partition  11 entity  12 id  13 whether values are recorded
${LUA_COUNTER}
${LUA_RIGHTS}
${LUA_EXPIRY}
${LUA_WINDOW}
${LUA_LOCK}
${LUA_OUTBOX}
local row, field, token = KEYS[1], ARGV[1], ARGV[3]
local times, answers = KEYS[tonumber(ARGV[4])], KEYS[tonumber(ARGV[5])]
local known = times and answerOf(times, answers, token)
if known then return known end
if isLockLost(KEYS[tonumber(ARGV[6])], ARGV[7]) then return { 'FENCED', 1, '' } end
local values = redis.call('HMGET', row, field, '${ROW_FIELDS.expiresAt}', '${ROW_FIELDS.version}')
local value = values[1]
if isPast(values[2]) or not value and redis.call('EXISTS', row) == 0 then return { 'MISSING', 1, '' } end
local sum, fault, by = sumOf(value, ARGV[2])
if fault then return { fault, 1, field } end
local planned = { HINCRBY = true }
if times then planWindow(planned) end
if KEYS[tonumber(ARGV[8])] then planned.XADD = true end
local refusal = forbidden(planned, row)
if refusal then return refusal end
openOutbox(KEYS[tonumber(ARGV[8])], ARGV[9], ARGV[10])
redis.call('HINCRBY', row, field, by)
local answer = { 'OK', sum }
if times then remember(times, answers, token, answer) end
if outbox then
  local recorded = {}
  if ARGV[13] ~= '' then
    recorded = { '${VALUE_FIELDS.after}' .. field, sum }
    if value then
      recorded[3], recorded[4] = '${VALUE_FIELDS.before}' .. field, value
    end
  end
  appendChange('update', ARGV[11], ARGV[12], values[3] or '0', field, recorded)
end
writeOutbox()
return answer
`);
