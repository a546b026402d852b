-- How far events have come on their way to the webhooks that want them, and whether somebody has read them.
-- Uses: webhook
-- KEYS[1] the webhooks. ARGV: for each event its id, type and recipient.
-- Reply: for each 'read', 'failed' where a webhook gave it up, 'sent' where one is at it, 'pending' where one has not come
--   to it or none wants it, else 'delivered'.
-- Invariants: looking changes nothing.
-- Read only.
local hooks = {}

local function ids_of(stream)
  local found = {}
  for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do found[cell_of(entry, 'event')] = true end
  return found
end

for _, name in ipairs(redis.call('ZRANGE', K.webhooks(), 0, -1)) do
  local hook = hook_of(name)
  if hook then
    hook.out, hook.dead = ids_of(K.webhook_out(name)), ids_of(K.webhook_dead(name))
    hook.cursor = cursor_of(name)
    hooks[#hooks + 1] = hook
  end
end

local function status_of(id, kind, recipient)
  if redis.call('ZSCORE', K.read(), id) then return 'read' end
  local found = {}
  for _, hook in ipairs(hooks) do
    if hook.dead[id] then found.failed = true
    elseif hook.out[id] then found.sent = true
    elseif wants(hook, kind, recipient) and is_after(id, hook.since) then
      found[is_after(id, hook.cursor) and 'pending' or 'delivered'] = true
    end
  end
  for _, status in ipairs({'failed', 'sent', 'pending', 'delivered'}) do
    if found[status] then return status end
  end
  return 'pending'
end

local reply = {}
for i = 1, #ARGV, 3 do reply[#reply + 1] = status_of(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
return reply
