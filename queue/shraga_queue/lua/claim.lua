-- Take the next task for a slot: pop, lease, attempt and fence in one step.
-- Uses: time, tell, rq, text, find, move
-- KEYS[1] the leases. ARGV: 1 worker id, 2 slot, 3 RQ worker name, 4 lease in ms, then queue names, best first.
-- Reply: {task, owner, attempt, record's fields as a flat list} or nil when there is nothing to take.
-- Invariants: a task leaves the queue only together with a lease; a worker that drains or is unknown takes nothing;
--   what has started no longer expires.
local worker, slot, name, lease = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local wkey = K.worker(worker)
if redis.call('HGET', wkey, 'mode') ~= 'accepting' or redis.call('EXISTS', K.rq_suspended()) == 1 then return nil end

local function take(t)
  t.worker, t.slot = worker, slot
  local at = stamp(NOW)
  local failed = move(t, 'claim', name, '', {'run', 'claimed', 'worker', worker, 'slot', slot, 'worker_name', name,
    'claimed_at', num(NOW), 'ping_at', num(NOW)}, {'started_at', at, 'last_heartbeat', at, 'worker_name', name}, 0)
  if failed then return failed end
  if t.expires_at then
    redis.call('HDEL', t.key, 'expires_at')
    redis.call('ZREM', K.due(), 'expire:' .. t.id)
  end
  redis.call('ZADD', K.leases(), NOW + lease, t.id)
  redis.call('HSET', wkey, 'slot:' .. slot, t.id .. ' ' .. t.attempt .. ' ' .. num(NOW))
  redis.call('HSET', K.rq_worker(name), 'state', 'busy', 'current_job', t.id)
  return {t.id, t.owner, t.attempt, redis.call('HGETALL', t.key)}
end

for i = 5, #ARGV do
  for _ = 1, 1000 do
    local task = redis.call('LPOP', K.rq_queue(ARGV[i]))
    if not task then break end
    local t = find(task)
    if t and t.status == 'queued' then
      if t.expires_at and t.expires_at <= NOW then
        redis.call('HSET', t.key, 'run', 'expired', 'finished_at', num(NOW))
        move(t, 'expire', 'worker', 'expired before it started', {}, {'ended_at', stamp(NOW)}, 0)
      else
        return take(t)
      end
    end
  end
end
return nil
