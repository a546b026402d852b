-- RQ's workers that are none of our slots.
-- Uses: time
-- KEYS[1] RQ's workers. ARGV: 1 how the names of our own queues begin.
-- Reply: {now in ms, then for each {name, run or '', fields as a flat list}}; no fields where RQ has forgotten the worker.
-- Invariants: looking changes nothing.
-- Read only.
local head, reply = K.rq_worker(''), {NOW}
for _, key in ipairs(redis.call('SMEMBERS', K.rq_workers())) do
  local queues = redis.call('HGET', key, 'queues') or ''
  if string.sub(queues, 1, #ARGV[1]) ~= ARGV[1] then
    local name = string.sub(key, #head + 1)
    reply[#reply + 1] = {name, redis.call('SRANDMEMBER', K.rq_worker_runs(name)) or '', redis.call('HGETALL', key)}
  end
end
return reply
