import { INDEX_LISTS, ROW_FIELDS } from '../keys/stored-names.js';

/**
 * Reads and writes the header of a row: its fields `~v` (the version), `~op` (its last writes, newest first: the
 * beginning of each token and the time, in seconds by the server's clock) and `~x` (when it expires). Five writes of 12
 * characters fit into the limit of 64 bytes up to which servers store a hash in its compact form. Needs `LUA_EXPIRY`.
 */
export const LUA_HEADER = String.raw`
local TOKEN_LENGTH = 12
local BEGINNING = 8 -- of a token
local TIME_LENGTH = 4
local TIMES = 2 ^ 16 -- the seconds that four hexadecimal digits can count
local WRITE_LENGTH = BEGINNING + TIME_LENGTH
local WRITES_KEPT = 5
-- How far the clock of this server may be ahead of, and behind, the clock that wrote the times, including rounding.
-- A row written this long before the count of seconds wraps around can be reported as unknown without need.
local AHEAD_S, BEHIND_S = 30, 3600

-- Returns the token of a write and, if it is sent again after a lost reply, its greatest possible age in milliseconds.
local function tokenAndAge(text)
  return string.sub(text, 1, TOKEN_LENGTH), tonumber(string.sub(text, TOKEN_LENGTH + 1))
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
local function isOutcomeUnknown(age, mode, expected, version, writes)
  if not age or mode == 'C' then return false end
  if not version then return mode == 'U' end
  if writes == '' then return false end -- another program wrote the row
  -- it would have made the next version, whose token the row still has
  if expected ~= '' and tonumber(version) - tonumber(expected) <= WRITES_KEPT then return false end
  -- The row has forgotten nothing. If it is a new row, the update counts as one that arrived after the insert.
  if #writes < WRITES_KEPT * WRITE_LENGTH and expected == '' then return false end
  local oldest = tonumber(string.sub(writes, -TIME_LENGTH), 16) or 0
  return (time() - oldest + BEHIND_S) % TIMES <= BEHIND_S + age / 1000 + AHEAD_S
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

local function withWrite(token, writes)
  local at = string.format('%04x', time() % TIMES)
  return string.sub(token, 1, BEGINNING) .. at .. string.sub(writes, 1, WRITE_LENGTH * (WRITES_KEPT - 1))
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
local function writeRow(row, token, version, writes, from, to, removedFrom, removedTo)
  local made = nextVersion(version)
  ARGV[to - 2] = made
  local lifetimes = ARGV[to]
  ARGV[to] = withWrite(token, writes)
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
