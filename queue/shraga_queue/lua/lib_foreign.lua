-- Jobs of other programs: found, and taken out of every place where RQ keeps them.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: what is a task of ours, of this prefix or another, is not touched here; a job that is running is neither.
local function foreign(id, ours, mark)
  local got = redis.call('HMGET', K.rq_job(id), 'status', 'origin', 'description', 'worker_name', 'rate_limit_key',
    'group_id', 'ttl', 'data')
  if not (got[1] or got[8]) then return nil, 'missing' end
  if redis.call('HEXISTS', K.owners(), id) == 1 or string.sub(got[8] or '', 1, #mark) == mark then return nil, 'task' end
  local job = {id = id, key = K.rq_job(id), status = got[1] or 'created', queue = got[2] or '', worker = got[4],
    name = cut(got[3] or '', 120), limit = got[5] or '', group = got[6] or '', ttl = tonumber(got[7] or ''),
    is_ours = string.sub(got[2] or '', 1, #ours) == ours}
  local live = redis.call('ZCOUNT', K.rq_executions(id), string.format('(%d', math.floor(NOW / 1000)), '+inf')
  -- Whatever its status says: RQ's own cancel lets a run go on.
  job.running = live > 0 and job.status ~= 'queued'
  -- A worker has taken it from the list and not begun it.
  job.taken = job.status == 'queued' and (live > 0 or redis.call('LPOS', K.rq_intermediate(job.queue), id))
  return job
end

local function leave(job)
  local queue = job.queue
  redis.call('LREM', K.rq_queue(queue), 0, job.id)
  for _, registry in ipairs({K.rq_finished(queue), K.rq_failed(queue), K.rq_deferred(queue), K.rq_scheduled(queue),
    K.rq_canceled(queue), K.rq_ready(queue)}) do redis.call('ZREM', registry, job.id) end
  if job.limit ~= '' then redis.call('ZREM', K.rq_rate_limited(job.limit), job.id) end
  for _, run in ipairs(redis.call('ZRANGE', K.rq_executions(job.id), 0, -1)) do
    redis.call('ZREM', K.rq_started(queue), run)
    redis.call('DEL', K.rq_execution(run))
  end
  redis.call('DEL', K.rq_executions(job.id))
end

local function record(job, kind, deed, after, actor)
  tell(kind, '', '', job.name, '', '', actor, 'job ' .. job.id .. ' on ' .. job.queue)
  audit(actor, deed, 'rq_job', job.id, job.status, after, job.queue)
end
