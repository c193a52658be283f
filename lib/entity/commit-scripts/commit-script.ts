import { INDEX_LISTS, ROW_FIELDS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';
import { LUA_COLLECTIONS } from '../lua/lua-collections.js';
import { LUA_COUNTER } from '../lua/lua-counter.js';
import { LUA_LOCK } from '../lua/lua-lock.js';
import { LUA_HEADER } from '../lua/lua-header.js';
import { LUA_HOLDS } from '../lua/lua-holds.js';
import { LUA_INDEXES } from '../lua/lua-indexes.js';
import { LUA_OUTBOX } from '../lua/lua-outbox.js';
import { LUA_PLANNED_RIGHTS } from '../lua/lua-planned-rights.js';
import { LUA_QUERIES } from '../lua/lua-queries.js';
import { LUA_RIGHTS } from '../lua/lua-rights.js';
import { LUA_CHANGE_EVENTS } from '../lua/lua-change-events.js';
import { luaIf } from './lua-if.js';
import { LUA_WINDOW } from '../lua/lua-window.js';

// A commit creates only the functions that it calls.
const WINDOW = luaIf("ARGV[4] ~= '0'", LUA_WINDOW);
const OUTBOX = luaIf("ARGV[8] ~= '0'", LUA_OUTBOX + LUA_CHANGE_EVENTS);
const COLLECTIONS = luaIf("ARGV[11] ~= ''", LUA_COLLECTIONS);
const HOLDS = luaIf("ARGV[12] ~= ''", LUA_HOLDS);
const QUERIES = luaIf("ARGV[3] ~= '0'", LUA_QUERIES);

/**
 * Runs any number of row operations in one partition, with their indexes and unique constraints: all or none.
 *
 * Modes: `I` insert, `U` update, `W` upsert, `D` delete, `C` check that the row exists, `A` check that it is absent,
 * `S` sweep it if it has expired. An expired row counts as absent.
 *
 * Returns `['OK', version, …]` with one version per operation: for a delete the deleted one, empty if there was no row,
 * for a sweep `swept`, `kept` or `gone`. If rows hold entries of global indexes, the entries that were released follow,
 * each as its operation, its index and what the row held. A refusal is `[fault, operation, detail]`, where operations
 * count from 1.
 *
 * Redis does not roll back a script that fails midway. Therefore the first half only reads and validates, and the
 * second half only writes to keys whose type is known.
 */
export const COMMIT_SCRIPT = new Script(String.raw`#!lua
-- KEYS: every row, index (~ix) and unique hash (~uq) that is read or written, and the token window, the lock and the
--   outbox if they are used
-- ARGV: 1 token, followed by its age if it is sent again  2 number of operations  3 number of queries
--   4, 5 the window's times and answers (numbers in KEYS, 0 for none)
--   6 the lock (a number in KEYS, 0 for none)  7 its token
--   8 the outbox (a number in KEYS, 0 for none)  9 its length  10 id of the partition
--   11, 12 whether any operation has collections, whether any holds entries of global indexes ('' for none)
--   13 the progress of a group of followers (a number in KEYS, 0 for none)  14 the field of its position  15 the field of
--   the token that moved it  16 the position that it must have ('' for none)  17 the new position
--   n, n times: type, payload      events
-- for each query
--   ix (a number in KEYS)  'x'  limit  digest of the entries it found  n, n times: from, to
--   or uq  'u'  n, n times: entry, the id that holds it ('' for none)
-- and for each operation
--   row (a number in KEYS)  mode  expected version  expire at
--   entity ('' if its changes are not recorded), and unless that is '': id, whether values are recorded ('' for not),
--     the field with the deletion time ('' if the operation does not write it)
--   n, n times: field, value         to set; unless empty the last two are '~v', the property that an upsert keeps
--                                    ('' for none), and '~op' ''
--   n, n times: field                to remove
--   n, n times: field, by            counters to increment, followed by 'n' for a bigint
--   n, n times: field, '=' value     the values that fields must have; '' for an absent field
--   if any has collections
--     n, n times: collection (a number in KEYS)  all collections of a row that may be created, deleted or expire
--     n, n times: collection (a number in KEYS)  property  type  n, n times: command, n, n arguments
--   ix, uq (numbers in KEYS, 0 for none), and unless both are 0
--     id
--     n, n times: field, how, value  the indexed fields: '=' unchanged, '+' the value, '-' absent, '?' unchanged, or
--                                    the value if the row has none
--     n, n times: kind, name, n, n times a number in the indexed fields: 'u' a unique, 'x' an index, 'n' an index
--       that has rows without a value, 'e' and a number an index of the elements of its field with this number
--   if any has holds: n            the entries to hold in global indexes, and unless it is 0
--     fences (a number in KEYS)  deadline of the commit, in milliseconds since 1970
--     n times: name, how, token, encodings
${LUA_HEADER}
${LUA_COUNTER}
${LUA_RIGHTS}
${LUA_LOCK}
${WINDOW}
${OUTBOX}
${COLLECTIONS}
local token, age = tokenAndAge(ARGV[1])
local times, answers = KEYS[tonumber(ARGV[4])], KEYS[tonumber(ARGV[5])]
local progress = KEYS[tonumber(ARGV[13])]
local at = 17

local function take()
  at = at + 1
  return ARGV[at]
end

-- The first and last place in ARGV of a list whose elements are 'width' arguments wide.
local function takeSpan(width)
  local from = at + 2
  at = at + 1 + tonumber(ARGV[at + 1]) * width
  return from, at
end

${HOLDS}
${QUERIES}
local function takeOperation()
  local o = { row = KEYS[tonumber(take())], mode = take(), expected = take(), expireAt = take() }
  o.entity = take()
  if o.entity ~= '' then o.entityId, o.hasValues, o.deletion = take(), take() ~= '', take() end
  o.setFrom, o.setTo = takeSpan(2)
  o.removedFrom, o.removedTo = takeSpan(1)
  o.countFrom, o.countTo = takeSpan(2)
  o.guardFrom, o.guardTo = takeSpan(2)
  o.collections, o.written = {}, {}
  if callsFrom then
    for i = 1, tonumber(take()) do o.collections[i] = KEYS[tonumber(take())] end
    for i = 1, tonumber(take()) do
      local written = { key = KEYS[tonumber(take())], property = take(), kind = take() }
      written.calls, at = callsFrom(at + 2, tonumber(ARGV[at + 1]))
      o.written[i] = written
    end
  end
  o.ix, o.uq = KEYS[tonumber(take())], KEYS[tonumber(take())]
  o.names, o.encodings, o.indexes = {}, {}, {}
  if not (o.ix or o.uq) then return o end
  o.id = take()
  for i = 1, tonumber(take()) do
    o.names[i] = take()
    o.encodings[i] = { how = take(), value = take() }
  end
  for i = 1, tonumber(take()) do
    local kind, index = take(), { name = take(), parts = {} }
    index.unique, index.nulls = kind == 'u', kind == 'n'
    index.elements = tonumber(string.match(kind, '^e(%d+)$'))
    for part = 1, tonumber(take()) do index.parts[part] = tonumber(take()) end
    o.indexes[i] = index
  end
  return o
end

-- Reads the row once, and takes the values in the order of their fields.
local function read(o)
  local fields = { '${ROW_FIELDS.version}', '${ROW_FIELDS.lastWrites}', '${ROW_FIELDS.expiresAt}' }
  for i = o.countFrom, o.countTo, 2 do fields[#fields + 1] = ARGV[i] end
  for i = o.guardFrom, o.guardTo, 2 do fields[#fields + 1] = ARGV[i] end
  for _, name in ipairs(o.names) do fields[#fields + 1] = '${ROW_FIELDS.encoding}' .. name end
  local values, place = redis.call('HMGET', o.row, unpack(fields)), 3
  local function nextValue()
    place = place + 1
    return values[place]
  end
  o.seeded, o.writes, o.expiresAt = values[1], values[2] or '', values[3]
  o.version = o.seeded or redis.call('EXISTS', o.row) == 1 and '0' -- rows of other programs have no version
  o.found = o.version or ''
  o.expired = o.version and isPast(o.expiresAt)
  for i = o.countFrom, o.countTo, 2 do
    local value = nextValue()
    local _, fault, by = sumOf(not o.expired and value, ARGV[i + 1])
    if fault then o.counterFault, o.counter = fault, ARGV[i] end
    ARGV[i + 1] = by
  end
  for i = o.guardFrom, o.guardTo, 2 do
    local value = nextValue()
    if (value and '=' .. value or '') ~= ARGV[i + 1] then o.changed = true end
  end
  o.before, o.after = {}, {}
  for i, encoding in ipairs(o.encodings) do
    o.before[i] = nextValue()
    if o.mode == 'D' or o.mode == 'S' or encoding.how == '-' then o.after[i] = false
    elseif encoding.how == '+' then o.after[i] = encoding.value
    elseif encoding.how == '?' then o.after[i] = o.version and not o.expired and o.before[i] or encoding.value
    else o.after[i] = o.before[i] end
  end
end

-- A sweep deletes an expired row and leaves any other row unchanged.
local function takeAsSwept(o)
  o.outcome = o.expired and 'swept' or o.version and 'kept' or 'gone'
  if o.expired then o.mode = 'D' else o.mode, o.indexes = 'C', {} end
end

${LUA_INDEXES}
${LUA_PLANNED_RIGHTS}
-- Validation: nothing is written.
local known = times and answerOf(times, answers, token)
if known then return known end
local eventsFrom, eventsTo = takeSpan(2)
local position = progress and redis.call('HMGET', progress, ARGV[14], ARGV[15]) or {}
local isChanged = false
for _ = 1, tonumber(ARGV[3]) do
  if hasQueryChanged() then isChanged = true end
end
local operations, replayed = {}, position[1] == ARGV[17] and position[2] == token
for i = 1, tonumber(ARGV[2]) do
  local o = takeOperation()
  if takeHolds then takeHolds(o) end
  operations[i] = o
  read(o)
  o.made = versionMadeBy(token, o.seeded, o.writes)
  replayed = replayed or o.made
end
if replayed then -- one row with the token is enough: all rows were written together
  local answer = { 'OK' }
  for i, o in ipairs(operations) do answer[i + 1] = answered(o.made or o.version or '', (keptIn(o.row, o.setFrom, o.setTo))) end
  return answer
end
for i, o in ipairs(operations) do
  if isOutcomeUnknown(age, o.mode, o.expected, not o.expired and o.version, o.writes) then return { 'UNKNOWN', i, '' } end
end
if isLockLost(KEYS[tonumber(ARGV[6])], ARGV[7]) then return { 'FENCED', 1, '' } end
if progress and (position[1] or '') ~= ARGV[16] then return { 'PASSED', 1, '' } end
if isChanged then return { 'QUERY' } end
local released = {}
for i, o in ipairs(operations) do
  if o.mode == 'S' then takeAsSwept(o) end
  if o.expired then o.version, o.seeded, o.writes = nil, nil, '' end
  local fault = not o.outcome and faultOf(o.mode, o.expected, o.version)
  if not fault and o.version and o.changed then fault = 'CHANGED' end
  if fault then return { fault, i, o.version or '' } end
  if o.counterFault then return { o.counterFault, i, o.counter } end
  for _, written in ipairs(o.written) do
    fault = collectionFault(written.key, written.kind, written.calls, not o.version)
    if fault then return { fault, i, written.property } end
  end
  if isHoldLost and isHoldLost(o) then return { 'HOLD', i, '' } end
  findIndexChanges(o)
  for _, entry in ipairs(o.releases) do
    -- Release only a value that this row holds: another program may have written a value that another row holds.
    if redis.call('HGET', o.uq, entry) == o.id then released[o.uq .. '\0' .. entry] = true end
  end
end
local claimed = {}
for i, o in ipairs(operations) do
  for _, claim in ipairs(o.claims) do
    -- A value that another operation of this commit releases is free, so two rows can swap their values.
    local place = o.uq .. '\0' .. claim.entry
    local owner = redis.call('HGET', o.uq, claim.entry)
    if claimed[place] or owner and owner ~= o.id and not released[place] then
      return { 'DUPLICATE', i, claim.name, owner or '', claim.entry }
    end
    claimed[place] = true
  end
end

local refusal = forbidden(plannedCommands(operations), KEYS[1])
if refusal then return refusal end
if openOutbox then openOutbox(KEYS[tonumber(ARGV[8])], ARGV[9], ARGV[10]) end

-- Writing: everything has been validated.
if progress then redis.call('HSET', progress, ARGV[14], ARGV[17], ARGV[15], token) end
for _, o in ipairs(operations) do
  for _, entry in ipairs(o.releases) do
    if released[o.uq .. '\0' .. entry] then redis.call('HDEL', o.uq, entry) end
  end
end
local answer = { 'OK' }
for i, o in ipairs(operations) do
  for _, entry in ipairs(o.leaves) do redis.call('ZREM', o.ix, entry .. '\0' .. o.id) end
  for _, enter in ipairs(o.enters) do redis.call('ZADD', o.ix, 0, enter.entry .. '\0' .. o.id) end
  for _, claim in ipairs(o.claims) do redis.call('HSET', o.uq, claim.entry, o.id) end
  local version = o.version
  if noteBefore then noteBefore(o) end
  if o.mode == 'D' or not version then
    -- Also before an insert: another program may have deleted the row alone.
    for _, key in ipairs(o.collections) do redis.call('UNLINK', key) end
  end
  if o.mode == 'D' then
    if o.ix then
      redis.call('ZREM', o.ix, '${INDEX_LISTS.rows}\0' .. o.id)
      if o.expiresAt then redis.call('ZREM', o.ix, queueEntry(o.expiresAt, o.id)) end
    end
    redis.call('UNLINK', o.row)
    if releaseHolds then releaseHolds(o, i) end
  elseif o.mode ~= 'C' and o.mode ~= 'A' then
    if o.expired then
      redis.call('UNLINK', o.row)
      if o.ix then redis.call('ZREM', o.ix, queueEntry(o.expiresAt, o.id)) end
    end
    if o.ix and not o.version then redis.call('ZADD', o.ix, 0, '${INDEX_LISTS.rows}\0' .. o.id) end
    if o.setTo >= o.setFrom then
      o.kept = keep(o.row, o.setFrom, o.setTo)
      version = writeRow(o.row, token, o.seeded or seedOf(o.mode, o.expected), o.writes, o.setFrom, o.setTo, o.removedFrom, o.removedTo)
    end
    for place = o.countFrom, o.countTo, 2 do redis.call('HINCRBY', o.row, ARGV[place], ARGV[place + 1]) end
    if writeHolds then writeHolds(o, i) end
    if noteAfter then noteAfter(o) end
    expireRow(o.row, o.expiresAt, o.expireAt, o.ix, o.id) -- a time in the past deletes the row
    for _, key in ipairs(o.collections) do expireCollection(key, o.expireAt) end
    for _, written in ipairs(o.written) do
      runCalls(written.key, written.calls, {})
      expireWithRow(o.row, written.key)
    end
  end
  if recordChange then recordChange(o, version) end
  answer[i + 1] = o.outcome or answered(version or '', o.kept)
end
for place = eventsFrom, eventsTo, 2 do appendChange('event', ARGV[place], '', '', ARGV[place + 1]) end
if writeOutbox then writeOutbox() end
if times then remember(times, answers, token, answer) end
if appendReleased then appendReleased(operations, answer) end
return answer
`);
