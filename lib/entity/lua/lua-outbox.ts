import { OUTBOX_FIELDS } from '../keys/stored-names.js';

/**
 * Appends the changes of a commit to the outbox of a slot. Each entry names its predecessor in `b`, so that readers
 * notice missing entries, whether they were trimmed or lost in a failover. If a commit has several changes, each entry
 * says in `m` which of how many it is, and names the first.
 */
export const LUA_OUTBOX = String.raw`
local outbox

-- Fails here, before the first write, if the key is not a stream. The trace context of the writer may follow the length.
local function openOutbox(key, length, partition)
  if not key then return end
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  local trace = string.match(length, ' (.*)')
  outbox = { key = key, length = string.match(length, '%d+'), partition = partition, changes = {} }
  outbox.previous = last and last[1] or '0-0'
  outbox.trace = trace and { '${OUTBOX_FIELDS.trace}', trace } or {}
end

-- Collects a change. 'detail' is the names of the changed properties, separated by zero bytes, or the payload of an
-- event. 'values' is a list of further fields and their values.
local function appendChange(kind, entity, id, version, detail, values)
  outbox.changes[#outbox.changes + 1] = { values or {}, '${OUTBOX_FIELDS.type}', kind, '${OUTBOX_FIELDS.entity}', entity,
    '${OUTBOX_FIELDS.partition}', outbox.partition, '${OUTBOX_FIELDS.id}', id, '${OUTBOX_FIELDS.version}', version,
    '${OUTBOX_FIELDS.detail}', detail, unpack(outbox.trace) }
end

-- Appends the collected changes and wakes the readers. A failure to publish is ignored, because readers also poll.
local function writeOutbox()
  if not outbox or not outbox.changes[1] then return end
  local count, first = #outbox.changes, nil
  for place, change in ipairs(outbox.changes) do
    local values = table.remove(change, 1)
    for _, value in ipairs(values) do change[#change + 1] = value end
    if count > 1 then
      change[#change + 1] = '${OUTBOX_FIELDS.commit}'
      change[#change + 1] = (place - 1) .. '/' .. count .. (first and ' ' .. first or '')
    end
    outbox.previous = redis.call('XADD', outbox.key, 'MAXLEN', '~', outbox.length, '*', '${OUTBOX_FIELDS.before}',
      outbox.previous, unpack(change))
    first = first or outbox.previous
  end
  redis.pcall('SPUBLISH', outbox.key, '')
end
`;
