import { KEY_SUFFIXES } from '../keys/stored-names.js';
import { Script } from '../../cluster/scripts/script.js';

/**
 * Reads a row and its related rows at one moment. The keys of related rows follow from the index or from the row, so
 * they cannot be in KEYS. They are in the slot of those that are, and a server on which one of them is not (its slot is
 * being moved) refuses the script.
 *
 * Returns the row, then for each relation its rows: lists of alternating fields and values, each row of an index after
 * its id. An answer of `['MANY', relation]` means that there are more than the limit.
 */
export const RELATION_SCRIPT = new Script(
  String.raw`#!lua flags=no-writes
-- KEYS: the row, then for each relation the index (~ix) of the related class, or the related row
-- ARGV: 1 the limit of rows, then for each relation its kind and two arguments:
--   'rows' from, to     the range of the index
--   'row'  '', ''       the key is the row
--   'by'   fields, ''   the fields that may hold the id, with zero bytes between them: the first that the row has counts
local row, left = redis.call('HGETALL', KEYS[1]), tonumber(ARGV[1])
if #row == 0 then return { row } end

local function percentEncode(bytes)
  return (string.gsub(bytes, '.', function(byte) return string.format('%%%02X', string.byte(byte)) end))
end

-- An id as it appears in keys: without { } : % ~ and control characters.
local function escape(id)
  id = string.gsub(id, '[{}:%%~%z\1-\31\127]', percentEncode)
  return (string.gsub(id, '\194[\128-\159]', percentEncode))
end

local function idIn(fields)
  for field in string.gmatch(fields, '%Z+') do
    local id = redis.call('HGET', KEYS[1], field)
    if id then return escape(id) end
  end
end

local function rowAt(index, id)
  return redis.call('HGETALL', string.sub(index, 1, -${KEY_SUFFIXES.index.length + 1}) .. ':' .. id)
end

local found = { row }
for i = 2, #KEYS do
  local kind, from, to = ARGV[3 * i - 4], ARGV[3 * i - 3], ARGV[3 * i - 2]
  if kind == 'row' then
    found[i] = redis.call('HGETALL', KEYS[i])
  elseif kind == 'by' then
    local id = idIn(from)
    found[i] = id and { id, rowAt(KEYS[i], id) } or {}
  else
    local rows = {}
    local entries = redis.call('ZRANGEBYLEX', KEYS[i], from, to, 'LIMIT', 0, left + 1)
    left = left - #entries
    if left < 0 then return { 'MANY', i - 1 } end
    for _, entry in ipairs(entries) do
        local id = string.match(entry, '.*%z(.*)$')
      rows[#rows + 1] = id
      rows[#rows + 1] = rowAt(KEYS[i], id)
    end
    found[i] = rows
  end
end
return found
`,
  true,
);
