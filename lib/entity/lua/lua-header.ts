import { INDEX_LISTS, ROW_FIELDS } from '../keys/stored-names.js';

/**
 * Lua that tells whether a row has expired, by the server's clock; `~x` is when, in milliseconds since 1970.
 *
 * A row that is a partition of its own is gone at that very moment, with its indexes, for it has none. In a larger
 * partition it stays for a day longer, invisible, so that whoever comes across it can see which index entries go with
 * it; its entry in the queue of the index tells when it is due.
 */
export const LUA_EXPIRY = String.raw`
local GRACE_MS = 86400000

local clock
local function time() -- asked once
  clock = clock or redis.call('TIME')
  return clock[1], clock[2]
end

local function isPast(expiresAt)
  if not expiresAt then return false end
  local seconds, micros = time()
  return (tonumber(expiresAt) or math.huge) <= seconds * 1000 + math.floor(micros / 1000)
end
`;

/**
 * Lua that the scripts share: the header of a row, which is the fields `~v` (its version), `~op` (its last writes,
 * newest first: of each what its token begins with and the time, in seconds by the server's clock) and `~x` (when it
 * expires). Five writes of 12 characters are no longer than servers keep in their compact form of a hash (64 bytes).
 */
export const LUA_HEADER = String.raw`
${LUA_EXPIRY}
local TOKEN_LENGTH = 12
local BEGINNING = 8 -- of a token
local TIME_LENGTH = 4
local TIMES = 2 ^ 16 -- seconds that four hexadecimal digits tell apart
local WRITE_LENGTH = BEGINNING + TIME_LENGTH
local WRITES_KEPT = 5
-- How far the clock of this server may be ahead of, and behind, the one that wrote the times, with what is rounded off.
-- Rows that were written so long before the counting of times begins anew are in doubt for nothing.
local AHEAD_S, BEHIND_S = 30, 3600

-- The token of a write, and, if it is sent again because nobody has seen a reply, how long ago it was sent first at
-- most, in milliseconds.
local function tokenAndAge(text)
  return string.sub(text, 1, TOKEN_LENGTH), tonumber(string.sub(text, TOKEN_LENGTH + 1))
end

-- The version that the write with this token made, if it is among the last writes of the row: the caller sends it
-- again because it has seen no reply. Every write adds one to the version and one token, so the place of the token
-- tells how many writes came after it.
local function versionMadeBy(token, version, writes)
  local at = version and string.find(writes, string.sub(token, 1, BEGINNING), 1, true)
  return at and string.format('%.0f', tonumber(version) - math.floor((at - 1) / WRITE_LENGTH))
end

-- Whether a write that is sent again, and is not among the last ones of its row, may have been executed all the same:
-- where so many came after it that the row has forgotten it, or the row has been deleted since, and perhaps made anew.
local function isUntold(age, mode, expected, version, writes)
  if not age or mode == 'C' then return false end
  if not version then return mode == 'U' end
  if writes == '' then return false end -- a row of others
  -- it would have made the next version, whose token is still there
  if expected ~= '' and tonumber(version) - tonumber(expected) <= WRITES_KEPT then return false end
  -- The row has forgotten nothing. If it is another one than it was, an update is as good as one that came later.
  if #writes < WRITES_KEPT * WRITE_LENGTH and expected == '' then return false end
  local oldest = tonumber(string.sub(writes, -TIME_LENGTH), 16) or 0
  return (time() - oldest + BEHIND_S) % TIMES <= BEHIND_S + age / 1000 + AHEAD_S
end

-- What forbids the write, nil if nothing does. 'expected' is '' where any version will do.
local function faultOf(mode, expected, version)
  if version and not string.find(version, '^%d+$') or #(version or '') > 16 then return 'CORRUPT' end
  if mode == 'S' then return nil end -- a sweep takes what it finds
  if mode == 'I' or mode == 'A' then return version and 'EXISTS' end
  if not version then
    -- An upsert may find nothing, and so may a delete that no version is expected of.
    return not (mode == 'W' or mode == 'D' and expected == '') and 'MISSING' or nil
  end
  return expected ~= '' and expected ~= version and 'CONFLICT' or nil
end

-- A new row starts at the server's clock in microseconds: no row is written that often, so a version is never met
-- again on a row that was deleted and made anew, and a stale save cannot match it.
local function nextVersion(version)
  if version then return string.format('%.0f', tonumber(version) + 1) end -- exact below 2^53, unlike tostring
  local seconds, micros = time()
  return seconds .. string.format('%06d', micros)
end

local function withWrite(token, writes)
  local at = string.format('%04x', time() % TIMES)
  return string.sub(token, 1, BEGINNING) .. at .. string.sub(writes, 1, WRITE_LENGTH * (WRITES_KEPT - 1))
end

-- Lua's stack takes some 8,000 values at once.
local function inChunks(command, key, from, to)
  for first = from, to, 7000 do
    redis.call(command, key, unpack(ARGV, first, math.min(first + 6999, to)))
  end
end

-- The value of the property that an upsert keeps, in a row that has it; its name stands in the place of the version.
local function keptIn(row, from, to)
  local name = to > from and ARGV[to - 2] or ''
  if name == '' then return end
  local now = redis.call('HMGET', row, name, '${ROW_FIELDS.encoding}' .. name)
  return now[1], now[2], name
end

-- Leaves that property as it is. Answers its value.
local function keep(row, from, to)
  local value, encoding, name = keptIn(row, from, to)
  if not value then return end
  for place = from, to - 4, 2 do
    if ARGV[place] == name then ARGV[place + 1] = value end
    if ARGV[place] == '${ROW_FIELDS.encoding}' .. name then ARGV[place + 1] = encoding or ARGV[place + 1] end
  end
  return value
end

-- The version of a row as it is answered, with what was kept in it.
local function answered(version, kept)
  return kept and version .. ' ' .. kept or version
end

-- Writes the pairs ARGV[from..to], whose last four values are the header and are filled in here; then what is to be
-- removed, last, because a hash whose fields are all removed is gone and with it its TTL.
local function writeRow(row, token, version, writes, from, to, removedFrom, removedTo)
  local made = nextVersion(version)
  ARGV[to - 2] = made
  ARGV[to] = withWrite(token, writes)
  inChunks('HSET', row, from, to)
  inChunks('HDEL', row, removedFrom, removedTo)
  return made
end

-- A row's entry in the queue of what is to be swept.
local function queueEntry(at, id)
  return '${INDEX_LISTS.expiry}\0' .. string.rep('0', 16 - #at) .. at .. '\0' .. id
end

-- Sets when a row expires: '' keeps it, '0' is never, else milliseconds since 1970. The index and the id are those of
-- a row in a larger partition, nil for one that is its own.
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
