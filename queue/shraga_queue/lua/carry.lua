-- Give a task's schedule to rq-scheduler: an entry whose job lets what is due start.
-- Uses: time, tell, text, find
-- KEYS[1] the entries. ARGV: 1 task, 2 actor, 3 the entry's id, 4 its queue, then the job's fields.
-- Reply: {'carried' | 'missing' | 'refused', status, when it is due in ms}.
-- Invariants: carrying again changes the entry, and makes no second one.
local t = find(ARGV[1])
if not t then return {'missing', '', 0} end
local due = redis.call('ZSCORE', K.slots(), t.id) or redis.call('ZSCORE', K.due(), t.id)
if not due then return {'refused', t.status, 0} end
redis.call('DEL', K.rq_job(ARGV[3]))
redis.call('HSET', K.rq_job(ARGV[3]), 'created_at', stamp(NOW), unpack(ARGV, 5))
redis.call('ZADD', KEYS[1], math.ceil(due / 1000), ARGV[3])
tell('rq.carried', t.owner, t.id, t.name, t.status, t.attempt, ARGV[2], 'by rq-scheduler, on the queue ' .. ARGV[4])
audit(ARGV[2], 'carry', 'task', t.id, t.status, t.status, ARGV[3])
return {'carried', t.status, due}
