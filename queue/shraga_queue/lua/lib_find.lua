-- Find a task, and tell whether a run is still its holder's.
-- KEYS: none. ARGV: none. Reply: none; a library. Invariants: looking changes nothing.
-- A task as the moves need it, or nil; with `whole` also what was asked, which may be large.
local function find(task, whole)
  local owner = redis.call('HGET', K.owners(), task)
  if not owner then return nil end
  local key = K.task(owner, task)
  local got = redis.call('HMGET', key, 'status', 'queue', 'attempt', 'run', 'name', 'capability', 'cancel_by',
    'expires_at', 'worker', 'fence', 'version', 'worker_name', 'permission', 'question', 'resume', 'mail', 'repeats',
    'workflow',
    unpack(whole and {'spec', 'labels', 'kind', 'priority', 'failures', 'losses'} or {}))
  if not got[1] then return nil end
  return {id = task, owner = owner, key = key, status = got[1], queue = got[2], attempt = got[3], run = got[4],
    name = cut(got[5] or '', 120), capability = got[6] or 'any', cancel_by = got[7],
    expires_at = tonumber(got[8]), worker = got[9], fence = got[10] or '0', version = tonumber(got[11]) or 0,
    holder = got[12], permission = got[13], question = got[14], resume = got[15], mail = tonumber(got[16]) or 0,
    repeats = got[17], workflow = got[18],
    asked = {got[5], got[19], got[20], got[21], got[22], got[6], got[23], got[24], got[15], got[16]}}
end

-- Whether the caller still holds the run it writes for. A server that came back without its last writes gives the same
-- fence out again, so the name of who took the run is part of it; '' is not compared.
local function holds(t, fence, name)
  return t and t.fence == fence and (t.run == 'claimed' or t.run == 'running')
    and (name == '' or name == t.holder)
end
