import { ROW_FIELDS } from '../keys/stored-names.js';
import { LUA_ENTRY, LUA_NEXT_VERSION } from '../lua/lua-header.js';

/*
 * The short form of a write: an insert or an update of one row that only sets fields, with as few arguments as it needs.
 * The parts here make the same writes as the rest of their script, in about half of the time. They read first, and write
 * nothing if something is unusual: any fault, a write that is repeated, an expired row, a unique value that is held, a
 * missing permission, a key of another type. Then the script goes on with the arguments in the long form.
 *
 * A part returns the version, or ends without a return. It needs these local variables:
 *
 * - 'head', the first argument of the script
 * - 'form', a text, and 'place', where in it the form's letter is
 * - 'at' and 'to', the places in ARGV of the first and last argument of the write
 * - 'row', 'ix' and 'uq', the keys
 *
 * A letter is followed by counts, one character each from '0' on, and for an update by the expected version, which is
 * empty if any is accepted. The next version follows if both have 16 digits, as versions of rows that Keyslot inserts.
 */

const HEADER = `'${ROW_FIELDS.version}', '${ROW_FIELDS.lastWrites}', '${ROW_FIELDS.expiresAt}'`;

const LUA_LIBRARIES = String.raw`
local ARGV, call, try, string = ARGV, redis.call, redis.pcall, string
local sub, byte, find = string.sub, string.byte, string.find
`;

/** Sets the header of a new row. */
const LUA_NEW = String.raw`
local clock = call('TIME')
local micros = clock[2]
local version = clock[1] .. (#micros == 6 and micros or sub('00000' .. micros, -6))
`;

/** Reads the versions that stand in the form of an update, so many characters behind its letter. */
const luaVersions = (distance: number): string => String.raw`
local expected, following = '', ''
if #form >= place + ${distance} then
  expected, following = sub(form, place + ${distance}, place + ${distance + 15}), sub(form, place + ${distance + 16})
end
`;

/** Checks the header of a row. The server's clock is read only for a row that expires. */
const LUA_USUAL = String.raw`
local version, writes, expiresAt = header[1], header[2], header[3]
if expiresAt then
  local clock = call('TIME')
  if (tonumber(expiresAt) or 0) > clock[1] * 1000 + math.floor(clock[2] / 1000) then expiresAt = nil end
end
local isUsual = version and writes and not expiresAt
  and (version == expected or expected == '' and #version <= 16 and find(version, '^%d+$'))
  and not find(writes, sub(head, 1, 8), 1, true) -- a call may arrive after it was sent again
`;

/** Makes the header that follows. */
const LUA_NEXT = String.raw`
if following ~= '' then version = following
else
  ${LUA_NEXT_VERSION}
end
${LUA_ENTRY}
writes = entry .. sub(writes, 1, 48)
`;

const SET_HEADER = `'${ROW_FIELDS.version}', version, '${ROW_FIELDS.lastWrites}', writes`;

/** An insert that touches no index: 'n'. Its arguments are the pairs. */
const LUA_INSERT = String.raw`
${LUA_LIBRARIES}
if call('EXISTS', row) == 0 then
  ${LUA_NEW}
  local writes = sub(head, 1, 12)
  call('HSET', row, ${SET_HEADER}, unpack(ARGV, at, to))
  return version
end
`;

/** An update that touches no index: 'p' and the versions. Its arguments are the pairs. */
const LUA_UPDATE = String.raw`
${LUA_LIBRARIES}
${luaVersions(1)}
local header = call('HMGET', row, ${HEADER})
${LUA_USUAL}
if isUsual then
  ${LUA_NEXT}
  call('HSET', row, ${SET_HEADER}, unpack(ARGV, at, to))
  return version
end
`;

/**
 * An insert: 'i', the number of claims, the number of entries. Its arguments are the shape of the indexes (see
 * `LUA_LONG_COMMIT`), the id, the claims, a score and a member for each entry, and the pairs.
 */
export const LUA_INDEXED_INSERT = String.raw`
${LUA_LIBRARIES}
local claims, entries = byte(form, place + 1, place + 2)
local id, claimsFrom = ARGV[at + 1], at + 2
local entriesFrom = claimsFrom + claims - 48
local pairsFrom = entriesFrom + 2 * (entries - 48)
local isUsual = try('EXISTS', row) == 0
for i = claimsFrom, entriesFrom - 1 do
  if try('HGET', uq, ARGV[i]) then isUsual = false end
end
${LUA_NEW}
-- The first write is tried. The others cannot fail but for a missing permission.
if isUsual and redis.acl_check_cmd('HSET', row, row, row)
  and type(try('ZADD', ix, unpack(ARGV, entriesFrom, pairsFrom - 1))) == 'number' then
  for i = claimsFrom, entriesFrom - 1 do call('HSET', uq, ARGV[i], id) end
  local writes = sub(head, 1, 12)
  call('HSET', row, ${SET_HEADER}, unpack(ARGV, pairsFrom, to))
  return version
end
`;

/**
 * An update: 'u', the number of indexes, the number of unique constraints, the versions. Its arguments are the id, the
 * name of each, and the pairs, the last of which are the encoding of each. Each has one field.
 */
export const LUA_INDEXED_UPDATE = String.raw`
${LUA_LIBRARIES}
${luaVersions(3)}
local indexes, count = byte(form, place + 1, place + 2)
indexes, count = indexes - 48, indexes + count - 96
local id, encodings, header = ARGV[at], to - 2 * count, nil
if count == 1 then header = try('HMGET', row, ${HEADER}, ARGV[to - 1])
else
  local fields = {}
  for i = 1, count do fields[i] = ARGV[encodings + 2 * i - 1] end
  header = try('HMGET', row, ${HEADER}, unpack(fields))
end
${LUA_USUAL}
-- Most writes change one entry, for which no list is made.
local add, adds, leave, leaves, claims, releases
for i = 1, isUsual and count or 0 do
  local name, old, new = ARGV[at + i], header[3 + i], ARGV[encodings + 2 * i]
  if old == new then -- no entry changes
  elseif i <= indexes then
    local entry = name .. '\0' .. new .. '\0' .. id
    if add then
      adds = adds or { '0', add }
      local length = #adds
      adds[length + 1], adds[length + 2] = '0', entry
    else add = entry end
    if old then
      entry = name .. '\0' .. old .. '\0' .. id
      if leave then
        leaves = leaves or { leave }
        leaves[#leaves + 1] = entry
      else leave = entry end
    end
  else
    local entry = name .. '\0' .. new
    if try('HGET', uq, entry) then isUsual = false end
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
-- The first write is tried. The others cannot fail but for a missing permission.
if isUsual and permits('HSET', row, row, row) and (not leave or permits('ZREM', row, row))
  and (not releases or permits('HDEL', row, row))
  and (not add or type(adds and try('ZADD', ix, unpack(adds)) or try('ZADD', ix, '0', add)) == 'number') then
  if leaves then call('ZREM', ix, unpack(leaves))
  elseif leave then call('ZREM', ix, leave) end
  if releases then call('HDEL', uq, unpack(releases)) end
  for i = 1, claims and #claims or 0 do call('HSET', uq, claims[i], id) end
  ${LUA_NEXT}
  call('HSET', row, ${SET_HEADER}, unpack(ARGV, at + 1 + count, to))
  return version
end
`;

/** Lua at the beginning of a script: reads which form its first argument announces. */
const LUA_FORM = String.raw`
local ARGV = ARGV -- the long form replaces it
local head, place = ARGV[1], 17
local letter = string.byte(head, place)
`;

/** Returns Lua that runs a write in the short form if it has one of two letters. */
const runShort = (
  insert: string,
  luaOfInsert: string,
  update: string,
  luaOfUpdate: string,
): string => String.raw`
${LUA_FORM}
if letter == ${insert.charCodeAt(0)} or letter == ${update.charCodeAt(0)} then
  local form, at, to, row, ix, uq = head, 2, #ARGV, KEYS[1], KEYS[2], KEYS[3]
  if letter == ${update.charCodeAt(0)} then
    ${luaOfUpdate}
  else
    ${luaOfInsert}
  end
end
`;

/** Lua at the beginning of the row script. */
export const LUA_SHORT_ROW = runShort('n', LUA_INSERT, 'p', LUA_UPDATE);

/** Lua at the beginning of the commit script. */
export const LUA_SHORT_COMMIT = runShort('i', LUA_INDEXED_INSERT, 'u', LUA_INDEXED_UPDATE);

/** Lua that reads the first argument of a script whose write was left to the rest of it. */
const LUA_LEFT = String.raw`
local left = string.match(string.sub(head, 17), '^r?(.*)$')
local isShort, isInsert = left ~= '', string.find(left, '^[ni]') ~= nil
`;

const LUA_APPEND_PAIRS = String.raw`
  local function appendPairs(from)
    for i = from, #ARGV do long[#long + 1] = ARGV[i] end
    for _, value in ipairs({ '${ROW_FIELDS.version}', '', '${ROW_FIELDS.lastWrites}', '' }) do long[#long + 1] = value end
  end
`;

/** Lua after a write in the short form that was left to the row script: brings its arguments into the long form. */
export const LUA_LONG_ROW = String.raw`
${LUA_LEFT}
if isShort then
  local long = { head, isInsert and 'I' or 'U', string.sub(left, 2, 17), '', '0' }
  ${LUA_APPEND_PAIRS}
  appendPairs(2)
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
${LUA_LEFT}
if isShort then
  local first, second = string.byte(left, 2, 3)
  first, second = first - 48, second - 48
  local shape, pairsFrom = {}, nil
  if isInsert then
    for part in string.gmatch(ARGV[2], '%Z+') do shape[#shape + 1] = part end
    pairsFrom = 4 + first + 2 * second
  else
    local count = first + second
    pairsFrom = 3 + count
    shape[1], shape[count + 2] = count, count
    for i = 1, count do
      shape[i + 1] = ARGV[#ARGV - 2 * (count - i) - 1]
      for j, part in ipairs({ i <= first and 'x' or 'u', ARGV[2 + i], 1, i }) do
        shape[count + 2 + 4 * (i - 1) + j] = part
      end
    end
  end
  local encodings = {}
  for i = pairsFrom, #ARGV, 2 do encodings[ARGV[i]] = ARGV[i + 1] end
  local count = (#ARGV - pairsFrom + 1) / 2 + 2
  local long = { head, '1', '', '1', isInsert and 'I' or 'U', string.sub(left, 4, 19), count }
  ${LUA_APPEND_PAIRS}
  appendPairs(pairsFrom)
  for _, value in ipairs({ '0', '2', KEYS[3] and '3' or '0', ARGV[isInsert and 3 or 2] }) do long[#long + 1] = value end
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
