import { ROW_FIELDS, VALUE_FIELDS } from '../keys/stored-names.js';

/** Part of the commit script, after `LUA_OUTBOX`: records the change of an operation in the outbox. */
export const LUA_CHANGE_EVENTS = String.raw`
-- Without its mark, a value would be taken for one of the former type.
local function isMark(field)
  return string.sub(field, 1, ${ROW_FIELDS.converted.length}) == '${ROW_FIELDS.converted}'
end

-- The names of the properties, counters and collections that an update changes, and '~x' for the expiry; then the
-- fields with the marks of converted properties among them.
local function changedBy(o)
  local names, marks = {}, {}
  local function note(field)
    if string.sub(field, 1, 1) ~= '~' then names[#names + 1] = field
    elseif isMark(field) then marks[#marks + 1] = field end
  end
  for place = o.setFrom, o.setTo, 2 do note(ARGV[place]) end
  for place = o.removedFrom, o.removedTo do note(ARGV[place]) end
  for place = o.countFrom, o.countTo, 2 do names[#names + 1] = ARGV[place] end
  for _, written in ipairs(o.written) do names[#names + 1] = written.property end
  if o.expireAt ~= '' then names[#names + 1] = '${ROW_FIELDS.expiresAt}' end
  return names, marks
end

-- The fields of an entry for the values that a row has now.
local function valuesNow(sign, row, names, marks)
  for _, mark in ipairs(marks) do names[#names + 1] = mark end
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
    if string.sub(found[i], 1, 1) ~= '~' or found[i] == '${ROW_FIELDS.expiresAt}' or isMark(found[i]) then
      values[#values + 1] = '${VALUE_FIELDS.before}' .. found[i]
      values[#values + 1] = found[i + 1]
    end
  end
  return values
end

-- Whether the row is deleted softly; nil if the operation leaves that as it is.
local function isDeleted(o)
  if (o.deletion or '') ~= '' then return redis.call('HMGET', o.row, o.deletion)[1] ~= false end
end

-- The type of the change of a row that exists.
local function typeOfUpdate(o)
  if o.wasDeleted == o.isDeleted then return 'update' end
  return o.isDeleted and 'softDelete' or 'restore'
end

-- Called before the row is written.
local function noteBefore(o)
  if o.version then o.wasDeleted = isDeleted(o) end
  if not o.hasValues then return end
  if o.expired or o.mode == 'D' and o.version then o.valuesBefore = allValues(o.row)
  elseif o.version then o.valuesBefore = valuesNow('${VALUE_FIELDS.before}', o.row, changedBy(o)) end
end

-- Called after the row is written, and before its expiry is: a time in the past deletes it.
local function noteAfter(o)
  o.isDeleted = isDeleted(o)
  if not o.hasValues then return end
  local names, marks = changedBy(o)
  if o.expireAt ~= '' then table.remove(names) end
  o.valuesAfter = valuesNow('${VALUE_FIELDS.after}', o.row, names, marks)
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
    if #names > 0 or version ~= o.version then record(typeOfUpdate(o), version, names, joined(o.valuesBefore, o.valuesAfter)) end
  end
end
`;
