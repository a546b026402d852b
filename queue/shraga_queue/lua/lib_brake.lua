-- The brake: what no slot takes for now, and where it waits meanwhile.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: a task that is parked is queued, in no queue of RQ's, among its deferred ones, and in exactly one parking;
--   nothing is parked before a slot would have taken it, so a brake costs nothing where there is none.
-- The brake that holds a task, or nil.
local function brake_on(t)
  local task, owner = 'task:' .. t.id, 'owner:' .. t.owner
  local set = redis.call('HMGET', K.brakes(), task, owner)
  return set[1] and task or set[2] and owner or nil
end

-- A task that was next in its queue steps aside.
local function park(t, brake)
  redis.call('RPUSH', K.parking(brake, t.queue), t.id)
  redis.call('SADD', K.parkings(), brake .. ' ' .. t.queue)
  redis.call('HSET', K.rq_job(t.id), 'status', 'deferred')
  redis.call('ZADD', K.rq_deferred(t.queue), 32503680000, t.id)
end

local function is_parked(task, queue)
  for _, parking in ipairs(redis.call('SMEMBERS', K.parkings())) do
    local brake, of = string.match(parking, '^(%S+) (%S+)$')
    if of == queue and redis.call('LPOS', K.parking(brake, of), task) then return true end
  end
  return false
end

local function back_to_queue(tasks, queue)
  local first = {}
  for i = #tasks, 1, -1 do
    first[#first + 1] = tasks[i]
    redis.call('HSET', K.rq_job(tasks[i]), 'status', 'queued')
  end
  redis.call('LPUSH', K.rq_queue(queue), unpack(first))
  redis.call('ZREM', K.rq_deferred(queue), unpack(first))
  local t = find(tasks[1])
  for _ = 1, t and math.min(#tasks, BOUNDS.bells) or 0 do ring(t.capability) end
end

-- What a brake has parked goes to the heads of its queues, in the order it stood there; at most `most` of them. Returns how
-- many are left.
local function bring_back(brake, most)
  local left = 0
  for _, parking in ipairs(redis.call('SMEMBERS', K.parkings())) do
    local of, queue = string.match(parking, '^(%S+) (%S+)$')
    if of == brake then
      local list = K.parking(brake, queue)
      local tasks = {}
      repeat
        tasks = most > 0 and redis.call('LRANGE', list, -math.min(most, 2000), -1) or {}
        if #tasks > 0 then
          back_to_queue(tasks, queue)
          redis.call('LTRIM', list, 0, -#tasks - 1)
          most = most - #tasks
        end
      until #tasks == 0
      local rest = redis.call('LLEN', list)
      if rest == 0 then redis.call('SREM', K.parkings(), parking) end
      left = left + rest
    end
  end
  return left
end
