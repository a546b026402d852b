-- RQ's own keys for a task, kept honest at every move.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: a job is in exactly one of RQ's lists and registries, and its hash says which.
local RQ_STATUS = {queued = 'queued', scheduled = 'scheduled', blocked = 'deferred',
  awaiting_approval = 'deferred', waiting_for_input = 'deferred', running = 'started',
  completed = 'finished', failed = 'failed', canceled = 'canceled', skipped = 'canceled'}

-- RQ's queue is a list, and a list is searched from one end: from the nearer one, going by the task's rank among all
-- that are queued. A wrong guess costs time alone.
local function nearer_end(task)
  local index = K.index('queued')
  local rank = redis.call('ZRANK', index, task)
  return rank and rank * 2 > redis.call('ZCARD', index) and -1 or 1
end

local function rq_leave(status, task, queue, attempt)
  if status == 'queued' then redis.call('LREM', K.rq_queue(queue), nearer_end(task), task)
  elseif status == 'running' then put('ZREM', K.rq_started(queue), task .. ':' .. attempt)
  elseif status == 'scheduled' then put('ZREM', K.rq_scheduled(queue), task)
  elseif status == 'completed' then put('ZREM', K.rq_finished(queue), task)
  elseif status == 'failed' then put('ZREM', K.rq_failed(queue), task)
  elseif status == 'canceled' or status == 'skipped' then put('ZREM', K.rq_canceled(queue), task)
  else put('ZREM', K.rq_deferred(queue), task) end
end

-- A job that waits for its next run tells nothing of the one before.
local function rq_forget_run(task)
  redis.call('HDEL', K.rq_job(task), 'started_at', 'ended_at', 'last_heartbeat', 'worker_name', 'exc_info', 'result')
end

-- `fields` are further fields of the job's hash, as a flat list.
local function rq_enter(status, task, queue, attempt, at, fields)
  local job = K.rq_job(task)
  redis.call('HSET', job, 'status', RQ_STATUS[status], unpack(fields))
  local kept = math.floor(NOW / 1000) + BOUNDS.rq_seconds
  if status == 'queued' then
    redis.call('RPUSH', K.rq_queue(queue), task)
    put('SADD', K.rq_queues(), K.rq_queue(queue))
  elseif status == 'running' then
    -- The score is far away: RQ's readers clean "expired" entries, and only our leases may decide that.
    put('ZADD', K.rq_started(queue), 32503680000, task .. ':' .. attempt)
  elseif status == 'scheduled' then put('ZADD', K.rq_scheduled(queue), math.ceil(at / 1000), task)
  elseif status == 'completed' then put('ZADD', K.rq_finished(queue), kept, task)
  elseif status == 'failed' then put('ZADD', K.rq_failed(queue), kept, task)
  elseif status == 'canceled' or status == 'skipped' then put('ZADD', K.rq_canceled(queue), kept, task)
  else put('ZADD', K.rq_deferred(queue), 32503680000, task) end
  if FINAL[status] then redis.call('EXPIRE', job, BOUNDS.rq_seconds) end
end

-- A job that another program put on a queue of ours fails where its tools will look; returns whether there is one.
local function rq_refuse(job, queue)
  if redis.call('EXISTS', K.rq_job(job)) == 0 then return false end
  redis.call('HSET', K.rq_job(job), 'status', 'failed', 'ended_at', stamp(NOW), 'exc_info',
    'This queue holds tasks of Shraga, whose workers run no other jobs. Enqueue it on a queue of your own.')
  put('ZADD', K.rq_failed(queue), math.floor(NOW / 1000) + BOUNDS.rq_seconds, job)
  return true
end

-- Puts a task that has just been queued at the head of its queue.
local function to_head(task, queue)
  redis.call('LREM', K.rq_queue(queue), -1, task)
  redis.call('LPUSH', K.rq_queue(queue), task)
end

local function ring(capability)
  local bell = K.bell(capability)
  if redis.call('LLEN', bell) < BOUNDS.bells then redis.call('RPUSH', bell, '1') end
end
