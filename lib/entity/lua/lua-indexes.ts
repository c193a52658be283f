/** Part of the commit script: finds the entries of indexes and unique constraints that an operation changes. */
export const LUA_INDEXES = String.raw`
-- Returns a row's entry in an index: the index's name and the encodings of its fields; nil if a field is absent.
local function entryOf(index, encodings)
  local parts = { index.name }
  for i, part in ipairs(index.parts) do
    if not encodings[part] then return nil end
    parts[i + 1] = encodings[part]
  end
  return table.concat(parts, '\0')
end

local function findIndexChanges(o)
  o.leaves, o.enters, o.releases, o.claims = {}, {}, {}, {}
  for _, index in ipairs(o.indexes) do
    local before, after = entryOf(index, o.before), entryOf(index, o.after)
    if before ~= after then
      local left = index.unique and o.releases or o.leaves
      local entered = index.unique and o.claims or o.enters
      left[#left + 1] = before -- appending nil appends nothing
      if after then entered[#entered + 1] = { entry = after, name = index.name } end
    end
  end
  if o.ix then redis.call('ZCARD', o.ix) end -- fails here, before the first write, if it is not a ZSET; a unique hash is read below
end
`;
