-- A job of RQ's as it is shown: its hash without what is large, and its latest result.
-- KEYS: none. ARGV: none. Reply: none; a library. Invariants: looking changes nothing.
local SHOWN = {'status', 'description', 'origin', 'created_at', 'enqueued_at', 'started_at', 'ended_at', 'worker_name',
  'timeout', 'data', 'meta', 'exc_info'}
local LARGEST = {data = 65536, meta = 16384, exc_info = 65536, description = 4096}

-- {id, score or '', live runs, dependents, fields ..., latest result as a flat list}; nil where the job is gone.
local function shown(job, score)
  local key = K.rq_job(job)
  if redis.call('EXISTS', key) == 0 then return nil end
  local live = redis.call('ZCOUNT', K.rq_executions(job), string.format('(%d', math.floor(NOW / 1000)), '+inf')
  local cells = {job, score or '', live, redis.call('SCARD', K.rq_dependents(job))}
  for _, field in ipairs(SHOWN) do
    local large = LARGEST[field] and redis.call('HSTRLEN', key, field) > LARGEST[field]
    cells[#cells + 1] = not large and redis.call('HGET', key, field) or ''
  end
  local latest = redis.call('XREVRANGE', K.rq_results(job), '+', '-', 'COUNT', 1)[1]
  cells[#cells + 1] = latest and latest[2] or {}
  return cells
end
