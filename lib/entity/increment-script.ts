import { Script } from '../cluster/script.js';
import { LUA_COUNTER } from './lua-counter.js';
import { LUA_EXPIRY } from './lua-header.js';
import { LUA_WINDOW } from './lua-window.js';

/**
 * Adds to one counter of a row that is there. It leaves the version alone: increments and saves do not conflict.
 *
 * Answers `['OK', value]` or `[fault, 1, '']`.
 */
export const INCREMENT_SCRIPT = new Script(String.raw`#!lua
-- KEYS: the row, and unless there is none the token window: the times, the answers
-- ARGV: 1 the counter's field  2 what to add  3 token
${LUA_COUNTER}
${LUA_EXPIRY}
${LUA_WINDOW}
local row, field, by = KEYS[1], ARGV[1], ARGV[2]
local known = KEYS[2] and answerOf(KEYS[2], KEYS[3], ARGV[3])
if known then return known end
local values = redis.call('HMGET', row, field, '~x')
local value = values[1]
if isPast(values[2]) or not value and redis.call('EXISTS', row) == 0 then return { 'MISSING', 1, '' } end
if not isCounter(value) then return { 'COUNTER', 1, field } end
redis.call('HINCRBY', row, field, by)
local answer = { 'OK', redis.call('HGET', row, field) } -- as text: Lua's numbers are exact to 2^53 only
if KEYS[2] then remember(KEYS[2], KEYS[3], ARGV[3], answer) end
return answer
`);
