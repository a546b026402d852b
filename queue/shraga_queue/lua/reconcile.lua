-- Mend what no script of ours leaves behind but other hands can: a queued task in no list, a running one
-- without lease, a scheduled one without due time.
-- Uses: time, put, tell, rq, text, find, move
-- KEYS[1] the leases. ARGV: 1 leader's token, 2 lease in ms, 3 status to look at, 4 rank to begin at, 5 how many.
-- Reply: {how many were mended, how many were looked at}, or nil when the caller leads no more.
-- Invariants: a task that is where it belongs is not touched.
if redis.call('GET', K.leader()) ~= ARGV[1] then return nil end
local status, first, count = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local tasks = redis.call('ZRANGE', K.index(status), first, first + count - 1)
local mended, listed = 0, {}

local function in_list(t)
  if not listed[t.queue] then
    listed[t.queue] = {}
    for _, id in ipairs(redis.call('LRANGE', K.rq_queue(t.queue), 0, -1)) do listed[t.queue][id] = true end
  end
  return listed[t.queue][t.id]
end

for _, id in ipairs(tasks) do
  local t = find(id)
  if not t or t.status ~= status then
    redis.call('ZREM', K.index(status), id)
    mended = mended + 1
  elseif status == 'queued' and not in_list(t) then
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
  elseif status == 'scheduled' and not redis.call('ZSCORE', K.due(), t.id) then
    redis.call('ZADD', K.due(), tonumber(redis.call('HGET', t.key, 'scheduled_at')) or NOW, t.id)
    audit('controller', 'reconcile', 'task', t.id, status, status, 'it had no due time')
    mended = mended + 1
  end
end
return {mended, #tasks}
