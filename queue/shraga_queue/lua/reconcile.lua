-- Mend what no script of ours leaves behind but other hands can: a queued task in no list, a running one
-- without lease, a scheduled one without due time, a blocked one that waits for nothing.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend
-- KEYS[1] the leases. ARGV: 1 leader's token, 2 lease in ms, 3 the status, then tasks that look displaced.
-- Reply: how many were mended, or nil when the caller leads no more.
-- Invariants: a task that is where it belongs is not touched, whatever the caller took it for. To make sure of a
--   queued one its queue is searched, so few of them belong into one call.
if redis.call('GET', K.leader()) ~= ARGV[1] then return nil end
local status, mended = ARGV[3], 0

for i = 4, #ARGV do
  local id = ARGV[i]
  local t = find(id)
  if not t or t.status ~= status then
    mended = mended + redis.call('ZREM', K.index(status), id)
  elseif status == 'queued' and not redis.call('LPOS', K.rq_queue(t.queue), id) then
    -- A plain RQ worker that took the job has noted its failure.
    for other in pairs(RQ_STATUS) do
      if other ~= 'queued' then rq_leave(other, t.id, t.queue, t.attempt) end
    end
    rq_forget_run(t.id)
    flush()
    rq_enter('queued', t.id, t.queue, t.attempt, 0, {})
    flush()
    ring(t.capability)
    audit('controller', 'reconcile', 'task', t.id, status, status, 'it was in no queue')
    mended = mended + 1
  elseif status == 'running' and redis.call('ZADD', K.leases(), 'NX', NOW + tonumber(ARGV[2]), t.id) == 1 then
    audit('controller', 'reconcile', 'task', t.id, status, status, 'it had no lease')
    mended = mended + 1
  elseif status == 'scheduled' and rests(t) then
    if mend_rest(t) then
      audit('controller', 'reconcile', 'task', t.id, status, status, 'it had no slot')
      mended = mended + 1
    end
  elseif status == 'scheduled' and not redis.call('ZSCORE', K.due(), t.id) then
    redis.call('ZADD', K.due(), tonumber(redis.call('HGET', t.key, 'scheduled_at')) or NOW, t.id)
    audit('controller', 'reconcile', 'task', t.id, status, status, 'it had no due time')
    mended = mended + 1
  elseif status == 'blocked' and recheck(t) then
    audit('controller', 'reconcile', 'task', t.id, status, t.status, 'it waited for nothing')
    mended = mended + 1
  end
end
flush()
return mended
