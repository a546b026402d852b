-- A page of the jobs of a queue of other programs, in one state.
-- Uses: time, job
-- KEYS[1] RQ's queues. ARGV: 1 queue, 2 state, 3 first rank, 4 how many.
-- Reply: {total, job, job ...}; a job whose hash is gone is ''.
-- Invariants: looking changes nothing; queued jobs come as they will be taken, scheduled ones as they are due, the others
--   with the newest first.
-- Read only.
local queue, state, first = ARGV[1], ARGV[2], tonumber(ARGV[3])
local last = first + tonumber(ARGV[4]) - 1
local registries = {started = K.rq_started, finished = K.rq_finished, failed = K.rq_failed, deferred = K.rq_deferred,
  scheduled = K.rq_scheduled, canceled = K.rq_canceled}
local reply = {}
if state == 'queued' then
  reply[1] = redis.call('LLEN', K.rq_queue(queue))
  for _, job in ipairs(redis.call('LRANGE', K.rq_queue(queue), first, last)) do
    reply[#reply + 1] = shown(job) or ''
  end
  return reply
end
local registry = registries[state](queue)
reply[1] = redis.call('ZCARD', registry)
local found = redis.call(state == 'scheduled' and 'ZRANGE' or 'ZREVRANGE', registry, first, last, 'WITHSCORES')
for i = 1, #found, 2 do
  -- A run of a job stands there as the job's id and its own.
  local job = state == 'started' and string.match(found[i], '^(.*):[^:]*$') or found[i]
  reply[#reply + 1] = shown(job, found[i + 1]) or ''
end
return reply
