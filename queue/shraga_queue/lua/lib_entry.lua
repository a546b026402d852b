-- Take an entry from rq-scheduler.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: the entry's job goes with it unless it waits or runs; one that has run is kept for a day, as RQ's view of
--   our tasks is.
local function take_entry(id)
  if redis.call('ZREM', K.scheduler_entries(), id) == 0 then return false end
  local status = redis.call('HGET', K.rq_job(id), 'status')
  if status == 'scheduled' then redis.call('DEL', K.rq_job(id))
  elseif status ~= 'queued' and status ~= 'started' then redis.call('EXPIRE', K.rq_job(id), BOUNDS.rq_seconds) end
  return true
end
