import { OUTBOX_FIELDS } from '../keys/stored-names.js';

/**
 * Appends the changes of a commit to the outbox of a slot. Each entry names its predecessor in `b`, so that readers
 * notice missing entries, whether they were trimmed or lost in a failover.
 */
export const LUA_OUTBOX = String.raw`
local outbox

-- Fails here, before the first write, if the key is not a stream. The trace context of the writer may follow the length.
local function openOutbox(key, length, partition)
  if not key then return end
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  local trace = string.match(length, ' (.*)')
  outbox = { key = key, length = string.match(length, '%d+'), partition = partition }
  outbox.previous = last and last[1] or '0-0'
  outbox.trace = trace and { '${OUTBOX_FIELDS.trace}', trace } or {}
end

-- 'detail' is the names of the changed properties, separated by zero bytes, or the payload of an event.
local function appendChange(kind, entity, id, version, detail)
  outbox.hasChanges = true
  outbox.previous = redis.call('XADD', outbox.key, 'MAXLEN', '~', outbox.length, '*', '${OUTBOX_FIELDS.before}', outbox.previous,
    '${OUTBOX_FIELDS.type}', kind, '${OUTBOX_FIELDS.entity}', entity, '${OUTBOX_FIELDS.partition}', outbox.partition,
    '${OUTBOX_FIELDS.id}', id, '${OUTBOX_FIELDS.version}', version, '${OUTBOX_FIELDS.detail}', detail, unpack(outbox.trace))
end

-- Wakes the readers. A failure to publish is ignored, because readers also poll.
local function wakeReaders()
  if outbox and outbox.hasChanges then redis.pcall('SPUBLISH', outbox.key, '') end
end
`;
