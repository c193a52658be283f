import { INDEX_LISTS } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';
import { LUA_COLLECTIONS } from '../lua/lua-collections.js';
import { LUA_COUNTER } from '../lua/lua-counter.js';
import { LUA_LOCK } from '../lua/lua-lock.js';
import { LUA_EXPIRY } from '../lua/lua-clock.js';
import { LUA_HEADER } from '../lua/lua-header.js';
import { LUA_HOLDS } from '../lua/lua-holds.js';
import { LUA_INDEXES } from '../lua/lua-indexes.js';
import { LUA_OUTBOX } from '../lua/lua-outbox.js';
import { LUA_PLANNED_RIGHTS } from '../lua/lua-planned-rights.js';
import { LUA_QUERIES } from '../lua/lua-queries.js';
import { LUA_RIGHTS } from '../lua/lua-rights.js';
import { LUA_CHANGE_EVENTS } from '../lua/lua-change-events.js';
import { luaIf } from './lua-if.js';
import { LUA_OPERATIONS } from './operation-arguments.js';
import { LUA_PLAIN_COMMIT } from './plain-commit.js';
import { LUA_LONG_COMMIT, LUA_SHORT_COMMIT } from './short-write.js';
import { LUA_WINDOW } from '../lua/lua-window.js';

// A commit creates only the functions that it calls.
const PLAIN_COMMIT = luaIf('not (hasExtras or isShort) and #head == 16', LUA_PLAIN_COMMIT);
const WINDOW = luaIf("hasExtras and ARGV[4] ~= '0'", LUA_WINDOW);
const OUTBOX = luaIf("hasExtras and ARGV[8] ~= '0'", LUA_OUTBOX + LUA_CHANGE_EVENTS);
const COLLECTIONS = luaIf("hasExtras and ARGV[11] ~= ''", LUA_COLLECTIONS);
const HOLDS = luaIf("hasExtras and ARGV[12] ~= ''", LUA_HOLDS);
const QUERIES = luaIf("hasExtras and ARGV[3] ~= '0'", LUA_QUERIES);

/**
 * Runs any number of row operations in one partition, with their indexes and unique constraints: all or none.
 *
 * Modes: `I` insert, `U` update, `W` upsert, `D` delete, `C` check that the row exists, `A` check that it is absent,
 * `S` sweep it if it has expired. An expired row counts as absent.
 *
 * Returns `['OK', version, …]`, or the versions alone as text. There is one version per operation: for a delete the
 * deleted one, empty if there was no row, for a sweep `swept`, `kept` or `gone`. If rows hold entries of global indexes, the entries that were released follow,
 * each as its operation, its index and what the row held. A refusal is `[fault, operation, detail]`, where operations
 * count from 1.
 *
 * Redis does not roll back a script that fails midway. Therefore the first half only reads and validates, and the
 * second half only writes to keys whose type is known.
 */
export const COMMIT_SCRIPT = new Script(String.raw`#!lua
-- KEYS: every row, index (~ix) and unique hash (~uq) that is read or written, and the token window, the lock and the
--   outbox if they are used
-- ARGV: 1 token, followed by 'r' if it is sent again, or by a write in the short form, whose arguments follow
--   2 number of operations
--   3 number of queries; '' if there are no extras: all that is marked with a star is left out then
--   * 4, 5 the window's times and answers (numbers in KEYS, 0 for none)
--   * 6 the lock (a number in KEYS, 0 for none)  7 its token
--   * 8 the outbox (a number in KEYS, 0 for none)  9 its length  10 id of the partition
--   * 11, 12 whether any operation has collections, whether any holds entries of global indexes ('' for none)
--   * 13 the progress of a group of followers (a number in KEYS, 0 for none)  14 the field of its position  15 the field
--     of the token that moved it  16 the position that it must have ('' for none)  17 the new position
--   * n, n times: type, payload      events
--   * for each query
--     ix (a number in KEYS)  'x'  limit  digest of the entries it found  n, n times: from, to
--     or uq  'u'  n, n times: entry, the id that holds it ('' for none)
-- and for each operation
--   row (a number in KEYS)  mode  expected version
--   n, n times: field, value         to set; unless empty the last two are '~v', the property that an upsert keeps
--                                    ('' for none), and '~op', times to live (see 'writeRow')
--   n, n times: field                to remove
--   ix, uq (numbers in KEYS, 0 for none), and unless both are 0
--     id
--     n, n times: field              the encodings of the indexed fields
--        n times: how, value         '=' unchanged, '+' the value, '-' absent, '?' unchanged, or the value if the row
--                                    has none
--     n, n times: kind, name, n, n times a number in the indexed fields: 'u' a unique, 'x' an index, 'n' an index
--       that has rows without a value, 'e' and a number an index of the elements of its field with this number
--   * expire at
--   * entity ('' if its changes are not recorded), and unless that is '': id, whether values are recorded ('' for not),
--     the field with the deletion time ('' if the operation does not write it)
--   * n, n times: field, by          counters to increment, followed by 'n' for a bigint
--   * n, n times: field, '=' value   the values that fields must have; '' for an absent field
--   * if any has collections
--     n, n times: collection (a number in KEYS)  all collections of a row that may be created, deleted or expire
--     n, n times: collection (a number in KEYS)  property  type  n, n times: command, n, n arguments
--   * if any has holds: n            the entries to hold in global indexes, and unless it is 0
--     fences (a number in KEYS)  deadline of the commit, in milliseconds since 1970
--     n times: name, how, token, encodings
${LUA_SHORT_COMMIT}
${LUA_LONG_COMMIT}
${LUA_EXPIRY}
local hasExtras = ARGV[3] ~= ''
${PLAIN_COMMIT}
local done = commitPlainly and commitPlainly(head)
if done then return done end
${LUA_HEADER}
${LUA_COUNTER}
${LUA_RIGHTS}
${LUA_LOCK}
${WINDOW}
${OUTBOX}
${COLLECTIONS}
local token, isResent = tokenIn(head)
-- The key that an argument names, if there is any.
local function extraKey(place) return hasExtras and KEYS[tonumber(ARGV[place])] or nil end

local times, answers, progress = extraKey(4), extraKey(5), extraKey(13)
local at = hasExtras and 17 or 3

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
${LUA_OPERATIONS}
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
local eventsFrom, eventsTo = 1, 0
if hasExtras then eventsFrom, eventsTo = takeSpan(2) end
local position = progress and redis.call('HMGET', progress, ARGV[14], ARGV[15]) or {}
local isChanged = false
for _ = 1, hasExtras and tonumber(ARGV[3]) or 0 do
  if hasQueryChanged() then isChanged = true end
end
local operations, replayed = {}, position[1] == ARGV[17] and position[2] == token
for i = 1, tonumber(ARGV[2]) do
  local o = takeOperation()
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
  if isOutcomeUnknown(isResent, head, o.mode, o.expected, not o.expired and o.version, o.writes) then return { 'UNKNOWN', i, '' } end
end
if isLockLost(extraKey(6), ARGV[7]) then return { 'FENCED', 1, '' } end
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
if openOutbox then openOutbox(extraKey(8), ARGV[9], ARGV[10]) end

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
      version = writeRow(o.row, head, o.seeded or seedOf(o.mode, o.expected), o.writes, o.setFrom, o.setTo, o.removedFrom, o.removedTo)
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
