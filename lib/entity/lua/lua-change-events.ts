import { ROW_FIELDS } from '../keys/stored-names.js';

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

local function recordChange(o, version)
  if o.entity == '' or o.mode == 'C' or o.mode == 'A' then return end
  local function record(kind, at, names) appendChange(kind, o.entity, o.entityId, at, table.concat(names or {}, '\0')) end
  if o.expired then record('expire', o.found) end
  if o.mode == 'D' then
    if o.version then record('delete', o.version) end
  elseif not o.version then record('insert', version)
  else
    local names = changedBy(o)
    if #names > 0 or version ~= o.version then record('update', version, names) end
  end
end
`;
