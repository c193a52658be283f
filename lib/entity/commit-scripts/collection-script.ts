import { ROW_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';
import { LUA_COLLECTIONS } from '../lua/lua-collections.js';
import { LUA_COUNTER } from '../lua/lua-counter.js';
import { LUA_LOCK } from '../lua/lua-lock.js';
import { LUA_EXPIRY } from '../lua/lua-clock.js';
import { LUA_OUTBOX } from '../lua/lua-outbox.js';
import { LUA_RIGHTS } from '../lua/lua-rights.js';
import { LUA_WINDOW } from '../lua/lua-window.js';

/**
 * Writes to one collection of an existing row, so that no collection exists without a row. The row's version does not
 * change.
 *
 * Returns `['OK', …]` with the number of parts and the parts of each call's reply, or `[fault, '1', detail]`.
 */
export const COLLECTION_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the row, the collection, and the token window, the lock and the outbox if they are used
-- ARGV: 1 token  2 the collection's type
--   3, 4 the window's times and answers (numbers in KEYS, 0 for none)
--   5 the lock (a number in KEYS, 0 for none)  6 its token
--   7 the outbox (a number in KEYS, 0 for none)  8 its length  9 id of the partition  10 entity  11 id
--   12 the property  13 number of calls, then for each: command, n, n arguments
${LUA_COUNTER}
${LUA_RIGHTS}
${LUA_EXPIRY}
${LUA_WINDOW}
${LUA_COLLECTIONS}
${LUA_LOCK}
${LUA_OUTBOX}
local row, key, property = KEYS[1], KEYS[2], ARGV[12]
local times, answers = KEYS[tonumber(ARGV[3])], KEYS[tonumber(ARGV[4])]

-- The token window joins the parts of a reply with commas.
local function escaped(part) return (string.gsub(part, '[%%,]', { ['%'] = '%25', [','] = '%2C' })) end
local function unescaped(part) return (string.gsub(part, '%%2[5C]', { ['%25'] = '%', ['%2C'] = ',' })) end
local function mapped(answer, change)
  local changed = { answer[1] }
  for i = 2, #answer do changed[i] = change(answer[i]) end
  return changed
end

local known = times and answerOf(times, answers, ARGV[1])
if known then return mapped(known, unescaped) end
if isLockLost(KEYS[tonumber(ARGV[5])], ARGV[6]) then return { 'FENCED', '1', '' } end
local header = redis.call('HMGET', row, '${ROW_FIELDS.expiresAt}', '${ROW_FIELDS.version}')
if redis.call('EXISTS', row) == 0 or isPast(header[1]) then return { 'MISSING', '1', '' } end
local calls = callsFrom(14, tonumber(ARGV[13]))
local fault = collectionFault(key, ARGV[2], calls, false)
if fault then return { fault, '1', property } end
local planned = { PTTL = true, HGET = true, PEXPIRETIME = true }
for _, call in ipairs(calls) do planned[call.command] = true end
if header[1] or redis.call('PEXPIRETIME', row) > 0 then planned.PEXPIREAT = true end
if times then planWindow(planned) end
if KEYS[tonumber(ARGV[7])] then planned.XADD = true end
local refusal = forbidden(planned, row)
if refusal then return refusal end
openOutbox(KEYS[tonumber(ARGV[7])], ARGV[8], ARGV[9])
local answer = { 'OK' }
runCalls(key, calls, answer)
expireWithRow(row, key)
if times then remember(times, answers, ARGV[1], mapped(answer, escaped)) end
if outbox then appendChange('update', ARGV[10], ARGV[11], header[2] or '0', property) end
writeOutbox()
return answer
`);
