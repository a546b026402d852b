-- Find a task, and tell whether a run is still its holder's.
-- KEYS: none. ARGV: none. Reply: none; a library. Invariants: looking changes nothing.
-- A task as the moves need it, or nil.
local function find(task)
  local owner = redis.call('HGET', K.owners(), task)
  if not owner then return nil end
  local key = K.task(owner, task)
  local got = redis.call('HMGET', key, 'status', 'queue', 'attempt', 'run', 'name', 'capability', 'cancel_by',
    'expires_at', 'worker', 'slot', 'worker_name')
  if not got[1] then return nil end
  return {id = task, owner = owner, key = key, status = got[1], queue = got[2], attempt = got[3], run = got[4],
    name = cut(got[5] or '', 120), capability = got[6] or 'any', cancel_by = got[7],
    expires_at = tonumber(got[8]), worker = got[9], slot = got[10], holder = got[11]}
end

-- Whether the caller still holds the run it writes for. A server that came back without its last writes gives the same
-- attempt out again, so the name of who took it is part of the fence; '' is not compared.
local function holds(t, attempt, name)
  return t and t.attempt == attempt and (t.run == 'claimed' or t.run == 'running')
    and (name == '' or name == t.holder)
end
