/**
 * Lua that the scripts share: the header of a row, which is the fields `~v` (its version) and `~op` (the tokens of its
 * last writes, newest first, all of one length).
 */
export const LUA_HEADER = String.raw`
local TOKEN_LENGTH = 12
local TOKENS_KEPT = 5

-- The version that the write with this token made, if it is among the last writes of the row: the caller sends it
-- again because it has seen no reply. Every write adds one to the version and one token, so the place of the token
-- tells how many writes came after it.
local function versionMadeBy(token, version, tokens)
  local at = version and string.find(tokens, token, 1, true)
  return at and string.format('%.0f', tonumber(version) - math.floor((at - 1) / TOKEN_LENGTH))
end

-- What forbids the write, nil if nothing does. 'expected' is '' where any version will do.
local function faultOf(mode, expected, version)
  if version and not string.find(version, '^%d+$') or #(version or '') > 16 then return 'CORRUPT' end
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
  local now = redis.call('TIME')
  return now[1] .. string.format('%06d', now[2])
end

local function tokensWith(token, tokens)
  return token .. string.sub(tokens, 1, TOKEN_LENGTH * (TOKENS_KEPT - 1))
end

-- Lua's stack takes some 8,000 values at once.
local function inChunks(command, key, from, to)
  for first = from, to, 7000 do
    redis.call(command, key, unpack(ARGV, first, math.min(first + 6999, to)))
  end
end

-- Writes the pairs ARGV[from..to], whose last four values are the header and are filled in here; then what is to be
-- removed, last, because a hash whose fields are all removed is gone and with it its TTL.
local function writeRow(row, token, version, tokens, from, to, removedFrom, removedTo)
  local made = nextVersion(version)
  ARGV[to - 2] = made
  ARGV[to] = tokensWith(token, tokens)
  inChunks('HSET', row, from, to)
  inChunks('HDEL', row, removedFrom, removedTo)
  return made
end

-- '' keeps the TTL, '0' removes it, else milliseconds since 1970.
local function expireRow(row, at)
  if at == '0' then redis.call('PERSIST', row) elseif at ~= '' then redis.call('PEXPIREAT', row, at) end
end
`;
