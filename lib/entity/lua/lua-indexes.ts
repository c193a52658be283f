import { ABSENT_BYTE, INDEX_LISTS } from '../keys/stored-names.js';

/** Part of the commit script: finds the entries of indexes and unique constraints that an operation changes. */
export const LUA_INDEXES = String.raw`
-- Returns a row's entry in an index: the index's name and the encodings of its fields; nil if a field is absent.
local function entryOf(index, encodings)
  local parts = { index.name }
  for i, part in ipairs(index.parts) do
    local encoding = encodings[part] or index.nulls and string.char(${ABSENT_BYTE})
    if not encoding then return nil end
    parts[i + 1] = encoding
  end
  return table.concat(parts, '\0')
end

-- Returns a row's entries in an index of the elements of one field, as keys. Each encoding is followed by a zero byte.
local function elementEntriesOf(index, encodings)
  local entries, parts = {}, { index.name }
  for i, part in ipairs(index.parts) do
    if not encodings[part] then return entries end
    parts[i + 1] = encodings[part]
  end
  for encoding in string.gmatch(parts[index.elements + 1], '(%Z*)%z') do
    parts[index.elements + 1] = encoding
    entries[table.concat(parts, '\0')] = true
  end
  return entries
end

local function findElementChanges(o, index)
  local before, after = elementEntriesOf(index, o.before), elementEntriesOf(index, o.after)
  for entry in pairs(before) do
    if not after[entry] then o.leaves[#o.leaves + 1] = entry end
  end
  for entry in pairs(after) do
    if not before[entry] then o.enters[#o.enters + 1] = { entry = entry, name = index.name } end
  end
end

-- The field with the deletion time, if rows can be deleted softly.
local function deletionOf(o)
  for _, index in ipairs(o.indexes) do
    if index.name == '${INDEX_LISTS.deleted}' then return index.parts[1] end
  end
end

local function findIndexChanges(o)
  o.leaves, o.enters, o.releases, o.claims = {}, {}, {}, {}
  local deletion = deletionOf(o)
  for _, index in ipairs(o.indexes) do
    local before, after
    if index.elements then findElementChanges(o, index)
    else
      -- An absent row has no entries, also where an index has rows without a value.
      before, after = o.found ~= '' and entryOf(index, o.before), o.mode ~= 'D' and entryOf(index, o.after)
      -- Nor has one that is deleted softly.
      if index.nulls and deletion then
        before, after = not o.before[deletion] and before, not o.after[deletion] and after
      end
    end
    if before ~= after then
      local left = index.unique and o.releases or o.leaves
      local entered = index.unique and o.claims or o.enters
      if before then left[#left + 1] = before end
      if after then entered[#entered + 1] = { entry = after, name = index.name } end
    end
  end
  if o.ix then redis.call('ZCARD', o.ix) end -- fails here, before the first write, if it is not a ZSET; a unique hash is read below
end
`;
