-- What is said in the chat of a task or a workflow.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: nothing that was said changes; the oldest entries go where there are very many; only the author edits.
-- `more`: further fields, as a flat list.
local function say_in(chat, attempt, sender_type, sender, kind, text, parent, more)
  return redis.call('XADD', chat, 'MAXLEN', '~', BOUNDS.chat, '*', 'sender_type', sender_type,
    'sender', sender, 'type', kind, 'text', text, 'parent', parent, 'attempt', attempt, unpack(more or {}))
end

local function say(t, ...) return say_in(K.chat(t.owner, t.id), t.attempt, ...) end

local function said_in(chat, id)
  local found = string.find(id, '^%d+%-%d+$') and redis.call('XRANGE', chat, id, id)[1]
  if not found then return nil end
  local got = {}
  for i = 1, #found[2], 2 do got[found[2][i]] = found[2][i + 1] end
  return got
end

-- Why what a person says cannot stand below the message `parent`, or for the message `edits` ('' for none): what to reply.
local function misplaced(chat, actor, parent, edits)
  if parent ~= '' and not said_in(chat, parent) then return {'unknown', parent} end
  if edits == '' then return nil end
  local first = said_in(chat, edits)
  if not first or (first.edits and first.edits ~= '') then return {'unknown', edits} end
  if first.sender ~= actor or first.sender_type ~= 'user' then return {'foreign', first.sender} end
end

-- The worker of a running task is told that there is something to read; it would find it with its next heartbeat too.
local function nudge(t)
  if t.status ~= 'running' or not t.holder then return end
  redis.call('PUBLISH', K.rq_commands(t.holder), cjson.encode({command = 'read-chat', job_id = t.id, by = 'shraga'}))
end
