-- Delete a job of another program and what belongs to it.
-- Uses: time, tell, text, foreign
-- KEYS[1] RQ's queues. ARGV: 1 job, 2 actor, 3 how the names of our own queues begin, 4 how the data of our tasks begins.
-- Reply: {'done' | 'missing' | 'task' | 'running' | 'taken' | 'entry', status before}.
-- Invariants: nothing of the job is left; jobs that depend on it stay deferred, as with RQ; an entry of rq-scheduler, which
--   would fail without its job, is not deleted here.
local job, why = foreign(ARGV[1], ARGV[3], ARGV[4])
if not job then return {why, ''} end
if job.running then return {'running', job.status} end
if job.taken then return {'taken', job.status} end
if redis.call('ZSCORE', K.scheduler_entries(), job.id) then return {'entry', job.status} end
leave(job)
if job.group ~= '' then redis.call('SREM', K.rq_group(job.group), job.id) end
redis.call('DEL', job.key, K.rq_results(job.id), K.rq_dependents(job.id), K.rq_dependencies(job.id))
record(job, 'rq.deleted', 'delete', '', ARGV[2])
return {'done', job.status}
