-- Rows of a list: what a board shows of a task, and nothing larger.
-- KEYS: none. ARGV: none. Reply: none; a library. Invariants: looking changes nothing.
local ROW = {'name', 'status', 'owner', 'kind', 'priority', 'capability', 'labels', 'moved_at', 'created_at',
  'attempt', 'progress', 'thought', 'error', 'worker_name', 'scheduled_at', 'started_at', 'cancel_by', 'failures',
  'run', 'exit_code', 'repeats', 'next_slot', 'paused', 'due', 'losses'}
local LONG = {[1] = 480, [12] = 480, [13] = 480}

local function row(task, owner)
  owner = owner or redis.call('HGET', K.owners(), task)
  if not owner then return nil end
  local got = redis.call('HMGET', K.task(owner, task), unpack(ROW))
  if not got[2] then return nil end
  for i, longest in pairs(LONG) do
    if got[i] then got[i] = cut(got[i], longest) end
  end
  for i = 1, #ROW do got[i] = got[i] or '' end
  table.insert(got, 1, task)
  return got
end
