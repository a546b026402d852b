-- Cancel a job of another program that waits, or ask its worker to stop it.
-- Uses: time, tell, text, foreign
-- KEYS[1] RQ's queues. ARGV: 1 job, 2 actor, 3 how the names of our own queues begin, 4 how the data of our tasks begins.
-- Reply: {'done' | 'asked' | 'unheard' | 'twice' | 'missing' | 'task' | 'taken' | 'refused', status before}.
-- Invariants: a waiting job is in the registry of canceled ones alone; jobs that depend on it stay deferred, as with RQ.
--   A worker is told to stop once a minute at most: RQ's own may kill itself when it is told twice.
local job, why = foreign(ARGV[1], ARGV[3], ARGV[4])
if not job then return {why, ''} end
if job.running then
  if redis.call('EXISTS', K.rq_stopping(job.id)) == 1 then return {'twice', job.status} end
  local heard = redis.call('PUBLISH', K.rq_commands(job.worker or ''),
    cjson.encode({command = 'stop-job', job_id = job.id}))
  if heard == 0 then return {'unheard', job.status} end
  redis.call('SET', K.rq_stopping(job.id), '1', 'EX', 60)
  record(job, 'rq.stopping', 'ask_cancel', job.status, ARGV[2])
  return {'asked', job.status}
end
if job.taken then return {'taken', job.status} end
if job.status == 'finished' or job.status == 'failed' or job.status == 'stopped' or job.status == 'canceled' then
  return {'refused', job.status}
end
leave(job)
redis.call('HSET', job.key, 'status', 'canceled')
redis.call('ZADD', K.rq_canceled(job.queue), math.floor(NOW / 1000), job.id)
record(job, 'rq.canceled', 'cancel', 'canceled', ARGV[2])
return {'done', job.status}
