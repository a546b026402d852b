-- End a run: its outcome, or its next try.
-- Uses: time, tell, rq, text, find, move
-- KEYS[1] the leases. ARGV: 1 task, 2 attempt, 3 run status, 4 exit code or '', 5 error, 6 output JSON,
--   7 execution details JSON, 8 metrics JSON, 9 result JSON, 10 ms until the next try or -1, 11 ms since it started,
--   12 RQ worker name, 13 the last word about it or ''.
-- Reply: the task's new status, or 'stale' when the run is no longer the caller's.
-- Invariants: only the holder of the fence commits; a run asked to stop that did not complete is canceled, never retried.
local t = find(ARGV[1])
if not holds(t, ARGV[2], ARGV[12]) then return 'stale' end
local outcome, name, delay = ARGV[3], ARGV[12], tonumber(ARGV[10])
local ended = stamp(NOW)
local fields = {'run', outcome, 'finished_at', num(NOW), 'started_at', num(NOW - tonumber(ARGV[11]))}
local function set(field, value)
  if value ~= '' then fields[#fields + 1] = field; fields[#fields + 1] = value end
end
set('exit_code', ARGV[4]); set('error', ARGV[5]); set('output', ARGV[6])
set('thought', ARGV[13]); set('exec', ARGV[7]); set('metrics', ARGV[8]); set('result', ARGV[9])
free_slot(t)
redis.call('HSET', K.rq_worker(name), 'state', 'idle')
redis.call('HDEL', K.rq_worker(name), 'current_job')
local done = outcome == 'completed'
redis.call('HINCRBY', K.worker(t.worker), done and 'completed' or 'failed', 1)
redis.call('HINCRBY', K.rq_worker(name), done and 'successful_job_count' or 'failed_job_count', 1)
local says = cut(ARGV[5], 300)
local refused
if done then
  local job = {'ended_at', ended}
  if ARGV[9] ~= '' then job[3] = 'result'; job[4] = ARGV[9] end
  fields[#fields + 1] = 'progress'; fields[#fields + 1] = '1'
  refused = move(t, 'complete', name, '', fields, job, 0)
elseif t.cancel_by then
  fields[2] = 'canceled'
  refused = move(t, 'stop', name, says, fields, {'ended_at', ended}, 0)
elseif delay >= 0 then
  redis.call('HSET', t.key, unpack(fields))
  redis.call('HINCRBY', t.key, 'failures', 1)
  next_attempt(t, 'retry')
  if delay == 0 then
    refused = move(t, 'retry_now', name, says, {'enqueued_at', num(NOW)}, {'enqueued_at', ended}, 0)
  else
    refused = move(t, 'retry_later', name, says, {'scheduled_at', num(NOW + delay)}, {}, NOW + delay)
  end
else
  redis.call('HINCRBY', t.key, 'failures', 1)
  refused = move(t, 'fail', name, says, fields, {'ended_at', ended, 'exc_info', ARGV[5]}, 0)
end
return refused or t.status
