import { ROW_FIELDS } from '../keys/stored-names.js';

/*
 * The short form of a write: an insert or an update of one row that only sets fields, with as few arguments as it needs.
 * The functions here make the same writes as the rest of their script, in about two thirds of the time. They read first,
 * and return nil before they have written anything if something is unusual: any fault, a write that is repeated, an
 * expired row, a unique value that is held, a missing permission, a key of another type. Then the script goes on with
 * the arguments in the long form.
 *
 * 'at' and 'to' are the places in ARGV of the write's first and last argument. The functions need nothing else, because
 * a server creates all functions of a script each time that it runs it.
 */

/**
 * An insert. Its arguments:
 *
 * - `i`, the shape of the indexes (see `LUA_LONG_COMMIT`), the id, the number of claims, the number of values for ZADD,
 *   the claims, the values, and the pairs
 * - `n` and the pairs, if it touches no index
 */
export const LUA_SHORT_INSERT = String.raw`
local function insertShortly(row, ix, uq, at, to)
  local ARGV, call, try, sub = ARGV, redis.call, redis.pcall, string.sub
  local isIndexed, pairsFrom, id, claimsFrom, valuesFrom = ARGV[at] == 'i', at + 1, nil, nil, nil
  if isIndexed then
    id, claimsFrom = ARGV[at + 2], at + 5
    valuesFrom = claimsFrom + ARGV[at + 3]
    pairsFrom = valuesFrom + ARGV[at + 4]
    for place = claimsFrom, valuesFrom - 1 do
      if try('HGET', uq, ARGV[place]) then return end
    end
  end
  if try('EXISTS', row) ~= 0 then return end
  clock = clock or call('TIME')
  local seconds = clock[1]
  local version = seconds .. sub('00000' .. clock[2], -6)
  if isIndexed then
    -- The first write is tried. The others cannot fail but for a missing permission.
    if not redis.acl_check_cmd('HSET', row, row, row) then return end
    if type(try('ZADD', ix, unpack(ARGV, valuesFrom, pairsFrom - 1))) ~= 'number' then return end
    for place = claimsFrom, valuesFrom - 1 do call('HSET', uq, ARGV[place], id) end
  end
  local writes = sub(ARGV[1], 1, 8) .. bit.tohex(seconds, 4)
  local set = try('HSET', row, '${ROW_FIELDS.version}', version, '${ROW_FIELDS.lastWrites}', writes, unpack(ARGV, pairsFrom, to))
  return type(set) == 'number' and version or nil
end
`;

/**
 * An update. Its arguments:
 *
 * - `u`, the expected version, the id, the number of indexes, the number of unique constraints, the field with the
 *   encoding of each, the name of each, and the pairs, the last of which are these encodings. Each has one field.
 * - `p`, the expected version, and the pairs, if it touches no index
 */
export const LUA_SHORT_UPDATE = String.raw`
local function updateShortly(row, ix, uq, at, to)
  local ARGV, call, try, sub, find = ARGV, redis.call, redis.pcall, string.sub, string.find
  local token, expected, pairsFrom, indexes, count = sub(ARGV[1], 1, 8), ARGV[at + 1], at + 2, 0, 0
  local header
  if ARGV[at] == 'u' then
    indexes = ARGV[at + 3] + 0
    count = indexes + ARGV[at + 4]
    pairsFrom = at + 5 + 2 * count
    header = try('HMGET', row, '${ROW_FIELDS.version}', '${ROW_FIELDS.lastWrites}', '${ROW_FIELDS.expiresAt}',
      unpack(ARGV, at + 5, at + 4 + count))
  else
    header = try('HMGET', row, '${ROW_FIELDS.version}', '${ROW_FIELDS.lastWrites}', '${ROW_FIELDS.expiresAt}')
  end
  local version, writes, expiresAt = header[1], header[2], header[3]
  if not version or not writes or expected ~= '' and expected ~= version then return end
  if #version > 16 or not find(version, '^%d+$') or find(writes, token, 1, true) then return end
  clock = clock or call('TIME')
  local seconds = clock[1]
  if expiresAt and (tonumber(expiresAt) or math.huge) <= seconds * 1000 + math.floor(clock[2] / 1000) then return end

  if count > 0 then
    local id, adds, leaves, claims, releases = ARGV[at + 2], nil, nil, nil, nil
    for i = 1, count do
      local name, old, new = ARGV[at + 4 + count + i], header[3 + i], ARGV[to + 2 * (i - count)]
      if old == new then -- no entry changes
      elseif i <= indexes then
        local length = adds and #adds or 0
        if adds then adds[length + 1], adds[length + 2] = '0', name .. '\0' .. new .. '\0' .. id
        else adds = { '0', name .. '\0' .. new .. '\0' .. id } end
        if old then
          local entry = name .. '\0' .. old .. '\0' .. id
          if leaves then leaves[#leaves + 1] = entry else leaves = { entry } end
        end
      else
        local entry = name .. '\0' .. new
        if try('HGET', uq, entry) then return end
        claims = claims or {}
        claims[#claims + 1] = entry
        -- Release only a value that this row holds.
        entry = old and name .. '\0' .. old
        if old and try('HGET', uq, entry) == id then
          releases = releases or {}
          releases[#releases + 1] = entry
        end
      end
    end
    local permits = redis.acl_check_cmd
    if not permits('HSET', row, row, row) or leaves and not permits('ZREM', row, row)
      or releases and not permits('HDEL', row, row) then return end
    -- The first write is tried. The others cannot fail but for a missing permission.
    if adds and type(try('ZADD', ix, unpack(adds))) ~= 'number' then return end
    if leaves then call('ZREM', ix, unpack(leaves)) end
    if releases then call('HDEL', uq, unpack(releases)) end
    for i = 1, claims and #claims or 0 do call('HSET', uq, claims[i], id) end
  end
  local digit = string.byte(version, -1)
  if digit < 57 then version = sub(version, 1, -2) .. string.char(digit + 1) -- formatting the number takes far longer
  else version = string.format('%.0f', version + 1) end
  writes = token .. bit.tohex(seconds, 4) .. sub(writes, 1, 48)
  local set = try('HSET', row, '${ROW_FIELDS.version}', version, '${ROW_FIELDS.lastWrites}', writes, unpack(ARGV, pairsFrom, to))
  return type(set) == 'number' and version or nil
end
`;

/** Lua at the beginning of a script: runs a write in the short form, whose first argument is the second of the script. */
export const LUA_SHORT_WRITE = String.raw`
local ARGV = ARGV -- the long form replaces it
local clock, form = nil, ARGV[2]
local isShort = form == 'i' or form == 'u' or form == 'n' or form == 'p'
if isShort and #ARGV[1] == 12 then -- the token is not followed by an age
  local done
  if form == 'i' or form == 'n' then
    ${LUA_SHORT_INSERT}
    done = insertShortly(KEYS[1], KEYS[2], KEYS[3], 2, #ARGV)
  else
    ${LUA_SHORT_UPDATE}
    done = updateShortly(KEYS[1], KEYS[2], KEYS[3], 2, #ARGV)
  end
  if done then return done end
end
`;

const LUA_APPEND_PAIRS = String.raw`
  local function appendPairs(from)
    for place = from, #ARGV do long[#long + 1] = ARGV[place] end
    for _, value in ipairs({ '${ROW_FIELDS.version}', '', '${ROW_FIELDS.lastWrites}', '' }) do long[#long + 1] = value end
  end
`;

/** Lua after a write in the short form that was left to the row script: brings its arguments into the long form. */
export const LUA_LONG_ROW = String.raw`
if isShort then
  local isInsert = form == 'n'
  local long = { ARGV[1], isInsert and 'I' or 'U', isInsert and '' or ARGV[3], '', '0' }
  ${LUA_APPEND_PAIRS}
  appendPairs(isInsert and 3 or 4)
  ARGV = long
end
`;

/**
 * Lua after a write in the short form that was left to the commit script: brings its arguments into the long form.
 *
 * The shape has the fields of the encodings and the indexes as the long form has them, without the encodings and
 * separated by zero bytes. A field without a value has no encoding among the pairs.
 */
export const LUA_LONG_COMMIT = String.raw`
if isShort then
  local isInsert, shape, pairsFrom = form == 'i', {}, nil
  if isInsert then
    for part in string.gmatch(ARGV[3], '%Z+') do shape[#shape + 1] = part end
    pairsFrom = 7 + ARGV[5] + ARGV[6]
  else
    local indexes, count = ARGV[5] + 0, ARGV[5] + ARGV[6]
    pairsFrom = 7 + 2 * count
    shape[1], shape[count + 2] = count, count
    for i = 1, count do
      shape[i + 1] = ARGV[6 + i]
      for j, part in ipairs({ i <= indexes and 'x' or 'u', ARGV[6 + count + i], 1, i }) do
        shape[count + 2 + 4 * (i - 1) + j] = part
      end
    end
  end
  local encodings = {}
  for place = pairsFrom, #ARGV, 2 do encodings[ARGV[place]] = ARGV[place + 1] end
  local count = (#ARGV - pairsFrom + 1) / 2 + 2
  local long = { ARGV[1], '1', '', '1', isInsert and 'I' or 'U', isInsert and '' or ARGV[3], count }
  ${LUA_APPEND_PAIRS}
  appendPairs(pairsFrom)
  for _, value in ipairs({ '0', '2', KEYS[3] and '3' or '0', ARGV[4] }) do long[#long + 1] = value end
  local fields = tonumber(shape[1])
  for i = 1, fields + 1 do long[#long + 1] = shape[i] end
  for i = 2, fields + 1 do
    local encoding = encodings[shape[i]]
    long[#long + 1] = encoding and '+' or '-'
    long[#long + 1] = encoding or ''
  end
  for i = fields + 2, #shape do long[#long + 1] = shape[i] end
  ARGV = long
end
`;
