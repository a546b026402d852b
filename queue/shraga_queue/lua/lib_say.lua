-- What is said in a task's chat.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: nothing that was said changes; the oldest entries go where there are very many.
-- `more`: further fields, as a flat list.
local function say(t, sender_type, sender, kind, text, parent, more)
  return redis.call('XADD', K.chat(t.owner, t.id), 'MAXLEN', '~', BOUNDS.chat, '*', 'sender_type', sender_type,
    'sender', sender, 'type', kind, 'text', text, 'parent', parent, 'attempt', t.attempt, unpack(more or {}))
end

-- The worker of a running task is told that there is something to read; it would find it with its next heartbeat too.
local function nudge(t)
  if t.status ~= 'running' or not t.holder then return end
  redis.call('PUBLISH', K.rq_commands(t.holder), cjson.encode({command = 'read-chat', job_id = t.id, by = 'shraga'}))
end
