import { INDEX_LISTS, ROW_FIELDS } from '../keys/stored-names.js';
import { LUA_ENTRY, LUA_NEXT_VERSION } from '../lua/lua-header.js';

/**
 * The short path of the commit script, for inserts, updates and checks without extras where nothing is unusual. It
 * makes the same writes as the rest of the script in about half the time: it creates few functions and tables, converts
 * few numbers, and sends fewer commands.
 *
 * `commitPlainly` first only reads, and returns nil for everything that it leaves to the rest of the script: every
 * fault, a write that is repeated or sent again, an expired row, a unique value that is held, a missing permission, rare
 * kinds of indexes, and values with a time to live. Needs `LUA_EXPIRY` and `head`.
 */
export const LUA_PLAIN_COMMIT = String.raw`
-- Returns whether a row has a valid version, which is the expected one, and has not been written with the token.
local function isUsual(version, expected, writes, head)
  return version and (expected == version or expected == '' and #version <= 16 and string.find(version, '^%d+$'))
    and not string.find(writes, string.sub(head, 1, 8), 1, true)
end

-- Fills in the version and the last writes among the pairs that end at a place in ARGV. Returns the version.
local function fillHeader(head, version, writes, to)
  local sub = string.sub
  writes = writes or ''
  if not version then
    local seconds, micros = time()
    version = seconds .. sub('00000' .. micros, -6)
  else
    ${LUA_NEXT_VERSION}
  end
  ${LUA_ENTRY}
  ARGV[to - 2] = version
  ARGV[to] = entry .. sub(writes, 1, 48)
  return version
end
local function appended(list, first, second)
  if not list then return { first, second } end
  local length = #list
  list[length + 1], list[length + 2] = first, second
  return list
end

local function commitPlainly(head)
  local call, operations, at, claimed, firstIx = redis.call, {}, 3
  local hasAdds, hasLeaves, hasReleases, hasPairs, hasRemoved
  for i = 1, tonumber(ARGV[2]) do
    local row, mode, expected = KEYS[tonumber(ARGV[at + 1])], ARGV[at + 2], ARGV[at + 3]
    local from, to = at + 5, at + 4 + 2 * ARGV[at + 4]
    local removedFrom, removedTo = to + 2, to + 1 + ARGV[to + 1]
    if removedTo - from > 7000 or to >= from and ARGV[to] ~= '' then return end
    local ix, uq = KEYS[tonumber(ARGV[removedTo + 1])], KEYS[tonumber(ARGV[removedTo + 2])]
    at = removedTo + 2
    local id, namesFrom, valuesFrom = nil, 1, 1
    if ix or uq then
      id, namesFrom = ARGV[at + 1], at + 3
      valuesFrom = namesFrom + ARGV[at + 2]
      at = valuesFrom + 2 * (valuesFrom - namesFrom)
    end

    local before, version, writes
    if mode == 'I' then
      if expected ~= '' or call('EXISTS', row) == 1 then return end
    elseif mode == 'U' or mode == 'C' then
      before = call('HMGET', row, '${ROW_FIELDS.version}', '${ROW_FIELDS.lastWrites}', '${ROW_FIELDS.expiresAt}',
        unpack(ARGV, namesFrom, valuesFrom - 1))
      version, writes = before[1], before[2] or ''
      if not isUsual(version, expected, writes, head) or isPast(before[3]) then return end
    else return end

    local adds, leaves, claims, releases
    if id then
      if ix and not before then adds = { '0', '${INDEX_LISTS.rows}\0' .. id } end
      for _ = 1, tonumber(ARGV[at]) do
        local kind, last = ARGV[at + 1], at + 3 + ARGV[at + 3]
        if kind ~= 'x' and kind ~= 'u' then return end
        local is = ARGV[at + 2]
        local was = before and is
        for place = at + 4, last do
          local field = tonumber(ARGV[place])
          local how, old = ARGV[valuesFrom + 2 * field - 2], before and before[3 + field]
          local new = how == '+' and ARGV[valuesFrom + 2 * field - 1] or how == '=' and old
          was = was and old and was .. '\0' .. old
          is = is and new and is .. '\0' .. new
        end
        at = last
        if was ~= is and kind == 'x' then
          if is then adds = appended(adds, '0', is .. '\0' .. id) end
          if was then leaves = appended(leaves, was .. '\0' .. id) end
        elseif was ~= is then
          if is then
            claimed = claimed or {}
            local place = uq .. '\0' .. is
            if claimed[place] or call('HGET', uq, is) then return end
            claimed[place] = true
            claims = appended(claims, is, id)
          end
          -- Release only a value that this row holds.
          if was and call('HGET', uq, was) == id then releases = appended(releases, was) end
        end
      end
      if adds or leaves then
        -- The first write is to the first index, and fails if that is no ZSET.
        firstIx = firstIx or ix
        if ix ~= firstIx then call('ZCARD', ix) end
      end
    end
    if adds then hasAdds = true end
    if leaves then hasLeaves = true end
    if releases then hasReleases = true end
    if claims or to >= from then hasPairs = true end
    if removedTo >= removedFrom then hasRemoved = true end
    operations[i] = {
      row = row, version = version, writes = writes, from = from, to = to, removedFrom = removedFrom,
      removedTo = removedTo, ix = ix, uq = uq, adds = adds, leaves = leaves, claims = claims, releases = releases,
    }
  end
  local permits, key = redis.acl_check_cmd, KEYS[1]
  local isRefused = hasPairs and not permits('HSET', key, key, key) or hasAdds and not permits('ZADD', key, key, key)
    or hasLeaves and not permits('ZREM', key, key) or (hasReleases or hasRemoved) and not permits('HDEL', key, key)
  if isRefused then return end

  -- Writing.
  for _, o in ipairs(operations) do
    if o.adds then call('ZADD', o.ix, unpack(o.adds)) end
    if o.leaves then call('ZREM', o.ix, unpack(o.leaves)) end
  end
  local answer
  for _, o in ipairs(operations) do
    if o.releases then call('HDEL', o.uq, unpack(o.releases)) end
    if o.claims then call('HSET', o.uq, unpack(o.claims)) end
    local version = o.version
    if o.to >= o.from then
      version = fillHeader(head, version, o.writes, o.to)
      call('HSET', o.row, unpack(ARGV, o.from, o.to))
      if o.removedTo >= o.removedFrom then call('HDEL', o.row, unpack(ARGV, o.removedFrom, o.removedTo)) end
    end
    answer = answer and answer .. ' ' .. version or version
  end
  return answer
end
`;
