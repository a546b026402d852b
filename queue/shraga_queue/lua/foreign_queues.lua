-- The queues of other programs, with how many jobs stand where.
-- Uses: time
-- KEYS[1] RQ's queues. ARGV: 1 how the names of our own queues begin.
-- Reply: for each {name, queued, started, finished, failed, deferred, scheduled, canceled, workers}.
-- Invariants: looking changes nothing: what has expired is not counted, and left for RQ to clean up.
-- Read only.
local head, reply = K.rq_queue(''), {}
local alive = string.format('(%d', math.floor(NOW / 1000))
for _, key in ipairs(redis.call('SMEMBERS', K.rq_queues())) do
  local queue = string.sub(key, #head + 1)
  if string.sub(queue, 1, #ARGV[1]) ~= ARGV[1] then
    reply[#reply + 1] = {queue, redis.call('LLEN', key), redis.call('ZCARD', K.rq_started(queue)),
      redis.call('ZCOUNT', K.rq_finished(queue), alive, '+inf'), redis.call('ZCOUNT', K.rq_failed(queue), alive, '+inf'),
      redis.call('ZCARD', K.rq_deferred(queue)), redis.call('ZCARD', K.rq_scheduled(queue)),
      redis.call('ZCARD', K.rq_canceled(queue)), redis.call('SCARD', K.rq_workers_of(queue))}
  end
end
return reply
