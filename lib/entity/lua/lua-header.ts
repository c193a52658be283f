import { INDEX_LISTS, ROW_FIELDS } from '../keys/stored-names.js';

/** The seconds that the time of a call counts. */
const TIMES = 2 ** 24;
/** By how many seconds a time may be ahead of another: the clocks of two processes may differ by so many. */
const LEAD = 2 ** 20;

/** Makes `lead`: by how many seconds the time in a, b, c and d is ahead of that of the call in `head`. */
const LUA_LEAD = String.raw`
local e, f, g, h = string.byte(head, 9, 12)
local lead = (((a - e) * 64 + b - f) * 64 + c - g) * 64 + d - h
`;

/** Adds one to `version`. Formatting the number would take far longer than replacing its last digit. */
export const LUA_NEXT_VERSION = String.raw`
local digit = string.byte(version, -1)
if digit < 57 then version = sub(version, 1, -2) .. string.char(digit + 1)
else version = string.format('%.0f', version + 1) end
`;

/**
 * Makes `entry`, which a row remembers of a write: the beginning of the token, and the time of the call, as they stand in
 * `head`. The time is that of the write before, if that was later: by the clock of another process, or because this call
 * arrived late. So the times of a row never decrease, and what was written after a call has no earlier time than the call.
 */
export const LUA_ENTRY = String.raw`
local entry = sub(head, 1, 12)
local a, b, c, d = string.byte(writes, 9, 12)
if d then
  ${LUA_LEAD}
  if lead ~= 0 and lead % ${TIMES} < ${LEAD} then entry = sub(head, 1, 8) .. sub(writes, 9, 12) end
end
`;

/**
 * Reads and writes the header of a row: its fields `~v` (the version), `~op` (its last writes, newest first: the
 * beginning of each token and the time of the call) and `~x` (when it expires). Five writes of 12 characters fit into the
 * limit of 64 bytes up to which servers store a hash in its compact form. Needs `LUA_EXPIRY`.
 */
export const LUA_HEADER = String.raw`
local BEGINNING = 8 -- of a token
local WRITE_LENGTH = 12
local WRITES_KEPT = 5
-- A row that was created again does not have the times of the row before it. The clock of its writer may be this far behind.
local BEHIND_S = 30

-- Returns the token of a call, and whether the call is sent again after a lost reply.
local function tokenIn(head)
  return string.sub(head, 1, BEGINNING) .. string.sub(head, 13, 16), string.byte(head, 17) == 114 -- 'r'
end

-- Returns the version that the write with this token made, if it is among the last writes of the row: the caller sends
-- it again after a lost reply. Every write adds one to the version and one token, so the place of the token shows how
-- many writes followed it.
local function versionMadeBy(token, version, writes)
  local at = version and string.find(writes, string.sub(token, 1, BEGINNING), 1, true)
  return at and string.format('%.0f', tonumber(version) - math.floor((at - 1) / WRITE_LENGTH))
end

-- Returns whether a write that is sent again may have been executed although it is not among the last writes of its
-- row: so many writes may have followed that the row has forgotten it, or the row may have been deleted since, and
-- perhaps created again.
local function isOutcomeUnknown(isResent, head, mode, expected, version, writes)
  if not isResent or mode == 'C' then return false end
  if not version then return mode == 'U' end
  if writes == '' then return false end -- another program wrote the row
  -- it would have made the next version, whose token the row still has
  if expected ~= '' and tonumber(version) - tonumber(expected) <= WRITES_KEPT then return false end
  -- The row has forgotten nothing. If it is a new row, the update counts as one that arrived after the insert.
  if #writes < WRITES_KEPT * WRITE_LENGTH and expected == '' then return false end
  -- Had this write been made and forgotten, all writes that the row remembers would have followed it.
  local a, b, c, d = string.byte(writes, -4, -1)
  if not d then return true end
  ${LUA_LEAD}
  -- true without need for some of the rows that were not written for half a year
  return (lead + BEHIND_S) % ${TIMES} <= ${LEAD}
end

-- Returns the fault of a write, or nil. 'expected' is '' if any version is accepted.
local function faultOf(mode, expected, version)
  if version and not string.find(version, '^%d+$') or #(version or '') > 16 then return 'CORRUPT' end
  if mode == 'S' then return nil end -- a sweep accepts any row
  if mode == 'I' or mode == 'A' then return version and 'EXISTS' end
  if not version then
    -- An upsert may find no row, and so may a delete without an expected version.
    return not (mode == 'W' or mode == 'D' and expected == '') and 'MISSING' or nil
  end
  return expected ~= '' and expected ~= version and 'CONFLICT' or nil
end

-- The first version of a row is the server's clock in microseconds. No row is written that often, so a row that was
-- deleted and created again never repeats a version, and a stale save cannot match it.
local function nextVersion(version)
  if version then return string.format('%.0f', tonumber(version) + 1) end -- exact below 2^53, unlike tostring
  local seconds, micros = time()
  return seconds .. string.format('%06d', micros)
end

-- Returns the version before the one that an insert asks for, which is that of an exported row.
local function seedOf(mode, expected)
  return mode == 'I' and expected ~= '' and string.format('%.0f', expected - 1) or nil
end

local function withWrite(head, writes)
  local sub = string.sub
  ${LUA_ENTRY}
  return entry .. sub(writes, 1, WRITE_LENGTH * (WRITES_KEPT - 1))
end

-- The stack of Lua holds about 8,000 values.
local function inChunks(command, key, from, to)
  for first = from, to, 7000 do
    redis.call(command, key, unpack(ARGV, first, math.min(first + 6999, to)))
  end
end

-- Returns the value, the encoding and the name of the property that an upsert keeps. The arguments have its name in
-- the place of the version.
local function keptIn(row, from, to)
  local name = to > from and ARGV[to - 2] or ''
  if name == '' then return end
  local now = redis.call('HMGET', row, name, '${ROW_FIELDS.encoding}' .. name)
  return now[1], now[2], name
end

-- Makes the upsert write the stored value of that property again. Returns the value.
local function keep(row, from, to)
  local value, encoding, name = keptIn(row, from, to)
  if not value then return end
  for place = from, to - 4, 2 do
    if ARGV[place] == name then ARGV[place + 1] = value end
    if ARGV[place] == '${ROW_FIELDS.encoding}' .. name then ARGV[place + 1] = encoding or ARGV[place + 1] end
  end
  return value
end

-- Returns the version of a row for the answer, followed by the kept value.
local function answered(version, kept)
  return kept and version .. ' ' .. kept or version
end

-- Writes the pairs ARGV[from..to]. Their last four values are the header, which is filled in here. Its last place has
-- the times to live of properties, each as the number of its pair, from 0, '=' and milliseconds: HSET ended those of
-- the former values. Fields are removed last, because a hash without fields is deleted and loses its TTL.
local function writeRow(row, head, version, writes, from, to, removedFrom, removedTo)
  local made = nextVersion(version)
  ARGV[to - 2] = made
  local lifetimes = ARGV[to]
  ARGV[to] = withWrite(head, writes)
  inChunks('HSET', row, from, to)
  for pair, ms in string.gmatch(lifetimes, '(%d+)=(%d+)') do
    redis.call('HPEXPIRE', row, ms, 'FIELDS', 1, ARGV[from + 2 * tonumber(pair)])
  end
  inChunks('HDEL', row, removedFrom, removedTo)
  return made
end

-- Returns a row's entry in the expiry queue.
local function queueEntry(at, id)
  return '${INDEX_LISTS.expiry}\0' .. string.rep('0', 16 - #at) .. at .. '\0' .. id
end

-- Sets when a row expires: '' leaves the expiry unchanged, '0' means never, any other number is in milliseconds since
-- 1970. The index and the id are nil for a row that is a partition of its own.
local function expireRow(row, before, at, ix, id)
  if at == '' then return end
  if ix and before then redis.call('ZREM', ix, queueEntry(before, id)) end
  if at == '0' then
    redis.call('HDEL', row, '${ROW_FIELDS.expiresAt}')
    redis.call('PERSIST', row)
  else
    redis.call('HSET', row, '${ROW_FIELDS.expiresAt}', at)
    redis.call('PEXPIREAT', row, string.format('%.0f', at + (ix and GRACE_MS or 0)))
    if ix then redis.call('ZADD', ix, 0, queueEntry(at, id)) end
  end
end
`;
