import { Script } from '../cluster/script.js';
import { LUA_COLLECTIONS } from './lua-collections.js';
import { LUA_COUNTER } from './lua-counter.js';
import { LUA_EXPIRY } from './lua-header.js';
import { LUA_WINDOW } from './lua-window.js';

/**
 * Writes to one collection of a row that is there, so that no collection is left without a row. It leaves the row's
 * version alone.
 *
 * Answers `['OK', …]`, for each call the number of parts of its answer and the parts, or `[fault, '1', '']`.
 */
export const COLLECTION_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the row, the collection, and unless there is none the token window: the times, the answers
-- ARGV: 1 token  2 the collection's type  3 number of calls, then for each: command, n, n arguments
${LUA_COUNTER}
${LUA_EXPIRY}
${LUA_WINDOW}
${LUA_COLLECTIONS}
local row, key, times, answers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

-- The window joins the parts of an answer by commas.
local function escaped(part) return (string.gsub(part, '[%%,]', { ['%'] = '%25', [','] = '%2C' })) end
local function unescaped(part) return (string.gsub(part, '%%2[5C]', { ['%25'] = '%', ['%2C'] = ',' })) end
local function mapped(answer, change)
  local changed = { answer[1] }
  for i = 2, #answer do changed[i] = change(answer[i]) end
  return changed
end

local known = times and answerOf(times, answers, ARGV[1])
if known then return mapped(known, unescaped) end
if redis.call('EXISTS', row) == 0 or isPast(redis.call('HGET', row, '~x')) then return { 'MISSING', '1', '' } end
local calls = callsFrom(4, tonumber(ARGV[3]))
local fault = collectionFault(key, ARGV[2], calls, false)
if fault then return { fault, '1', '' } end
local answer = { 'OK' }
runCalls(key, calls, answer)
expireWithRow(row, key)
if times then remember(times, answers, ARGV[1], mapped(answer, escaped)) end
return answer
`);
