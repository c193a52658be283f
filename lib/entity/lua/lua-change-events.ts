import { ROW_FIELDS, VALUE_FIELDS } from '../keys/stored-names.js';

/** Part of the commit script, after `LUA_OUTBOX`: records the change of an operation in the outbox. */
export const LUA_CHANGE_EVENTS = String.raw`
-- The names of the properties, counters and collections that an update changes, and '~x' for the expiry.
local function changedBy(o)
  local names = {}
  for place = o.setFrom, o.setTo, 2 do names[#names + 1] = ARGV[place] end
  for place = o.removedFrom, o.removedTo do names[#names + 1] = ARGV[place] end
  for place = #names, 1, -1 do
    if string.sub(names[place], 1, 1) == '~' then table.remove(names, place) end
  end
  for place = o.countFrom, o.countTo, 2 do names[#names + 1] = ARGV[place] end
  for _, written in ipairs(o.written) do names[#names + 1] = written.property end
  if o.expireAt ~= '' then names[#names + 1] = '${ROW_FIELDS.expiresAt}' end
  return names
end

-- The fields of an entry for the values that a row has now.
local function valuesNow(sign, row, names)
  local values, found = {}, names[1] and redis.call('HMGET', row, unpack(names)) or {}
  for i, name in ipairs(names) do
    if found[i] then
      values[#values + 1] = sign .. name
      values[#values + 1] = found[i]
    end
  end
  return values
end

local function allValues(row)
  local values, found = {}, redis.call('HGETALL', row)
  for i = 1, #found, 2 do
    if string.sub(found[i], 1, 1) ~= '~' or found[i] == '${ROW_FIELDS.expiresAt}' then
      values[#values + 1] = '${VALUE_FIELDS.before}' .. found[i]
      values[#values + 1] = found[i + 1]
    end
  end
  return values
end

-- Called before the row is written.
local function keepValuesBefore(o)
  if not o.hasValues then return end
  if o.expired or o.mode == 'D' and o.version then o.valuesBefore = allValues(o.row)
  elseif o.version then o.valuesBefore = valuesNow('${VALUE_FIELDS.before}', o.row, changedBy(o)) end
end

-- Called after the row is written, and before its expiry is: a time in the past deletes it.
local function keepValuesAfter(o)
  if not o.hasValues then return end
  local names = changedBy(o)
  if o.expireAt ~= '' then table.remove(names) end
  o.valuesAfter = valuesNow('${VALUE_FIELDS.after}', o.row, names)
  if o.expireAt == '' or o.expireAt == '0' then return end
  o.valuesAfter[#o.valuesAfter + 1] = '${VALUE_FIELDS.after}${ROW_FIELDS.expiresAt}'
  o.valuesAfter[#o.valuesAfter + 1] = o.expireAt
end

local function joined(before, after)
  local all = {}
  for _, values in ipairs({ before or {}, after or {} }) do
    for _, value in ipairs(values) do all[#all + 1] = value end
  end
  return all
end

local function recordChange(o, version)
  if o.entity == '' or o.mode == 'C' or o.mode == 'A' then return end
  local function record(kind, at, names, values)
    appendChange(kind, o.entity, o.entityId, at, table.concat(names or {}, '\0'), values)
  end
  if o.expired then record('expire', o.found, nil, o.valuesBefore) end
  if o.mode == 'D' then
    if o.version then record('delete', o.version, nil, o.valuesBefore) end
  elseif not o.version then record('insert', version, nil, o.valuesAfter)
  else
    local names = changedBy(o)
    if #names > 0 or version ~= o.version then record(o.change ~= '' and o.change or 'update', version, names, joined(o.valuesBefore, o.valuesAfter)) end
  end
end
`;
