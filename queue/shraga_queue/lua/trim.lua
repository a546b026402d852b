-- Drop what RQ's registries keep past its time, killed slots from RQ's lists of workers, and rows of long-gone workers.
-- Uses: time
-- KEYS[1] RQ's queues. ARGV: 1 our queues' name prefix, 2 ms a silent worker is remembered, 3 how many of each registry,
--   and how many workers, at most, then queues that slots serve whether or not they ever held a task.
-- Reply: how many entries went, besides slots.
-- Invariants: only entries whose time has passed, only of our own queues; a slot goes once RQ has forgotten its key.
local gone, most = 0, tonumber(ARGV[3])
local seconds = math.floor(NOW / 1000)
local head = K.rq_queue('')
local ours = {}
for i = 4, #ARGV do ours[ARGV[i]] = true end
for _, key in ipairs(redis.call('SMEMBERS', K.rq_queues())) do
  local queue = string.sub(key, #head + 1)
  if string.sub(key, 1, #head) == head and string.sub(queue, 1, #ARGV[1]) == ARGV[1] then ours[queue] = true end
end

-- RQ's own workers clean these when they look after their queues, which ours never do.
local function drop_dead_slots(list)
  for _, slot in ipairs(redis.call('SMEMBERS', list)) do
    if redis.call('EXISTS', slot) == 0 then redis.call('SREM', list, slot) end
  end
end

for queue in pairs(ours) do
  for _, registry in ipairs({K.rq_finished(queue), K.rq_failed(queue), K.rq_canceled(queue)}) do
    local past = math.min(most, redis.call('ZCOUNT', registry, '-inf', seconds))
    if past > 0 then gone = gone + redis.call('ZREMRANGEBYRANK', registry, 0, past - 1) end
  end
  drop_dead_slots(K.rq_workers_of(queue))
end
drop_dead_slots(K.rq_workers())
local silent = NOW - tonumber(ARGV[2])
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', K.workers(), '-inf', silent, 'LIMIT', 0, most)) do
  local name = redis.call('HGET', K.worker(worker), 'name')
  if name and redis.call('HGET', K.worker_names(), name) == worker then
    redis.call('HDEL', K.worker_names(), name)
  end
  redis.call('DEL', K.worker(worker))
  redis.call('ZREM', K.workers(), worker)
  gone = gone + 1
end
return gone
