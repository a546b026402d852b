-- Keep a run's lease and say how it goes.
-- Uses: time, tell, text, find
-- KEYS[1] the leases. ARGV: 1 task, 2 fence, 3 lease in ms, 4 ms since it started, 5 progress or '',
--   6 thought or '', 7 '1' to tell progress and thought as events, 8 RQ worker name, 9 how much of
--   what people said it has.
-- Reply: 'ok', 'mail' when people said more, 'cancel' when it was asked to stop, or 'stale' when the run is no longer the
--   caller's.
-- Invariants: only the holder of the fence extends its lease.
local t = find(ARGV[1])
if not holds(t, ARGV[2], ARGV[8]) then return 'stale' end
redis.call('ZADD', K.leases(), NOW + tonumber(ARGV[3]), t.id)
local fields = {'ping_at', NOW_TEXT}
-- Once: a later heartbeat may have been on its way, or before a server that stood still, for long.
if t.run == 'claimed' then fields = {'ping_at', NOW_TEXT, 'run', 'running', 'started_at', num(NOW - tonumber(ARGV[4]))} end
if ARGV[5] ~= '' then fields[#fields + 1] = 'progress'; fields[#fields + 1] = ARGV[5] end
-- While it asks, the lists show what: a thought of before may come after the question.
local asks = t.question and cjson.decode(t.question).attempt == tonumber(t.attempt)
if ARGV[6] ~= '' and not asks then fields[#fields + 1] = 'thought'; fields[#fields + 1] = ARGV[6] end
redis.call('HSET', t.key, unpack(fields))
local beat = stamp(NOW)
redis.call('HSET', K.rq_job(t.id), 'last_heartbeat', beat)
redis.call('HSET', K.rq_worker(ARGV[8]), 'last_heartbeat', beat)
redis.call('EXPIRE', K.rq_worker(ARGV[8]), 30)
if ARGV[7] == '1' then
  tell('task.progress', t.owner, t.id, t.name, t.status, t.attempt, ARGV[8], ARGV[5])
  if ARGV[6] ~= '' then tell('agent.message', t.owner, t.id, t.name, t.status, t.attempt, ARGV[8], ARGV[6]) end
end
return t.cancel_by and 'cancel' or t.mail > tonumber(ARGV[9]) and 'mail' or 'ok'
