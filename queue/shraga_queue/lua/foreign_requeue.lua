-- Put a job of another program that ended badly, or was left behind, on its queue again.
-- Uses: time, tell, text, foreign
-- KEYS[1] RQ's queues. ARGV: 1 job, 2 actor, 3 how the names of our own queues begin, 4 how the data of our tasks begins.
-- Reply: {'done' | 'missing' | 'task' | 'ours' | 'running' | 'taken' | 'waiting' | 'limited' | 'refused', status before}.
-- Invariants: it is in its queue once and in no registry; nothing of its last run is told any more.
local job, why = foreign(ARGV[1], ARGV[3], ARGV[4])
if not job then return {why, ''} end
if job.is_ours then return {'ours', job.status} end
if job.running then return {'running', job.status} end
if job.taken then return {'taken', job.status} end
if job.limit ~= '' then return {'limited', job.status} end
local list = K.rq_queue(job.queue)
if job.status == 'queued' and redis.call('LPOS', list, job.id) then return {'waiting', job.status} end
local from = {failed = true, stopped = true, canceled = true, started = true, queued = true}
if not from[job.status] then return {'refused', job.status} end
leave(job)
redis.call('HDEL', job.key, 'started_at', 'ended_at', 'exc_info', 'worker_name', 'last_heartbeat')
redis.call('HSET', job.key, 'status', 'queued', 'enqueued_at', stamp(NOW))
redis.call('PERSIST', job.key)
if job.ttl and job.ttl > 0 then redis.call('EXPIRE', job.key, job.ttl) end
redis.call('SADD', K.rq_queues(), list)
redis.call('RPUSH', list, job.id)
record(job, 'rq.requeued', 'requeue', 'queued', ARGV[2])
return {'done', job.status}
