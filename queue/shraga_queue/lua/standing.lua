-- How the queues stand for a task that waits: what is before it, and whether anything moves at all.
-- Uses: time
-- KEYS[1] the owners. ARGV: 1 task, 2 how far its own queue is searched, then its queue and those that workers take from
--   first.
-- Reply: {how many stand before it in its own queue or -1 where that is not known, how long its queue is, how many stand in
--   the queues that come first, 1 when RQ's workers are suspended, 1 when a controller leads}.
-- Invariants: looking changes nothing; the search is bounded.
-- Read only.
local own = K.rq_queue(ARGV[3])
local place = redis.call('LPOS', own, ARGV[1], 'MAXLEN', ARGV[2])
local first = 0
for i = 4, #ARGV do first = first + redis.call('LLEN', K.rq_queue(ARGV[i])) end
return {place or -1, redis.call('LLEN', own), first, redis.call('EXISTS', K.rq_suspended()),
  redis.call('EXISTS', K.leader())}
