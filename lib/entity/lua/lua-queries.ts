/** Part of the commit script, after its function `take`: checks that queries still return the same entries. */
export const LUA_QUERIES = String.raw`
-- Returns whether the result of a query has changed. It always takes all of the query's arguments.
local function hasQueryChanged()
  local key, kind = KEYS[tonumber(take())], take()
  if kind == 'u' then
    local isOther = false
    for _ = 1, tonumber(take()) do
      local entry, id = take(), take()
      if (redis.call('HGET', key, entry) or '') ~= id then isOther = true end
    end
    return isOther
  end
  local limit, digest, parts = tonumber(take()), take(), {}
  for _ = 1, tonumber(take()) do
    local from, to = take(), take()
    for _, entry in ipairs(redis.call('ZRANGEBYLEX', key, from, to, 'LIMIT', 0, limit)) do
      parts[#parts + 1] = #entry .. ':' .. entry
    end
  end
  return redis.sha1hex(table.concat(parts)) ~= digest
end
`;
