import { ROW_FIELDS } from '../keys/stored-names.js';

/**
 * Part of the commit script: takes the operations from its arguments, and reads their rows. Needs the functions
 * `take` and `takeSpan`.
 */
export const LUA_OPERATIONS = String.raw`
local function takeExtras(o)
  o.expireAt, o.entity = take(), take()
  if o.entity ~= '' then o.entityId, o.hasValues, o.deletion = take(), take() ~= '', take() end
  o.countFrom, o.countTo = takeSpan(2)
  o.guardFrom, o.guardTo = takeSpan(2)
  if callsFrom then
    for i = 1, tonumber(take()) do o.collections[i] = KEYS[tonumber(take())] end
    for i = 1, tonumber(take()) do
      local written = { key = KEYS[tonumber(take())], property = take(), kind = take() }
      written.calls, at = callsFrom(at + 2, tonumber(ARGV[at + 1]))
      o.written[i] = written
    end
  end
  if takeHolds then takeHolds(o) end
end

local function takeIndexes(o)
  o.fields, o.encodings, o.indexes = {}, {}, {}
  if not (o.ix or o.uq) then return end
  o.id = take()
  local count = tonumber(take())
  for i = 1, count do o.fields[i] = take() end
  for i = 1, count do o.encodings[i] = { how = take(), value = take() } end
  for i = 1, tonumber(take()) do
    local kind, index = take(), { name = take(), parts = {} }
    index.unique, index.nulls = kind == 'u', kind == 'n'
    index.elements = tonumber(string.match(kind, '^e(%d+)$'))
    for part = 1, tonumber(take()) do index.parts[part] = tonumber(take()) end
    o.indexes[i] = index
  end
end

local function takeOperation()
  local o = { row = KEYS[tonumber(take())], mode = take(), expected = take() }
  o.setFrom, o.setTo = takeSpan(2)
  o.removedFrom, o.removedTo = takeSpan(1)
  o.ix, o.uq = KEYS[tonumber(take())], KEYS[tonumber(take())]
  takeIndexes(o)
  o.expireAt, o.entity, o.collections, o.written = '', '', {}, {}
  o.countFrom, o.countTo, o.guardFrom, o.guardTo = 1, 0, 1, 0
  if hasExtras then takeExtras(o) end
  return o
end

-- Reads the row once, and takes the values in the order of their fields.
local function read(o)
  local fields = { '${ROW_FIELDS.version}', '${ROW_FIELDS.lastWrites}', '${ROW_FIELDS.expiresAt}' }
  for i = o.countFrom, o.countTo, 2 do fields[#fields + 1] = ARGV[i] end
  for i = o.guardFrom, o.guardTo, 2 do fields[#fields + 1] = ARGV[i] end
  for _, field in ipairs(o.fields) do fields[#fields + 1] = field end
  local values, place = redis.call('HMGET', o.row, unpack(fields)), 3
  local function nextValue()
    place = place + 1
    return values[place]
  end
  o.seeded, o.writes, o.expiresAt = values[1], values[2] or '', values[3]
  o.version = o.seeded or redis.call('EXISTS', o.row) == 1 and '0' -- rows of other programs have no version
  o.found = o.version or ''
  o.expired = o.version and isPast(o.expiresAt)
  for i = o.countFrom, o.countTo, 2 do
    local value = nextValue()
    local _, fault, by = sumOf(not o.expired and value, ARGV[i + 1])
    if fault then o.counterFault, o.counter = fault, ARGV[i] end
    ARGV[i + 1] = by
  end
  for i = o.guardFrom, o.guardTo, 2 do
    local value = nextValue()
    if (value and '=' .. value or '') ~= ARGV[i + 1] then o.changed = true end
  end
  o.before, o.after = {}, {}
  for i, encoding in ipairs(o.encodings) do
    o.before[i] = nextValue()
    if o.mode == 'D' or o.mode == 'S' or encoding.how == '-' then o.after[i] = false
    elseif encoding.how == '+' then o.after[i] = encoding.value
    elseif encoding.how == '?' then o.after[i] = o.version and not o.expired and o.before[i] or encoding.value
    else o.after[i] = o.before[i] end
  end
end
`;
