-- Tell a worker to take no more tasks, to take them again, or to end.
-- Uses: time, tell
-- KEYS[1] the workers. ARGV: 1 name or id, 2 mode, 3 actor.
-- Reply: {'ok' | 'missing' | 'gone' | 'stopping', id, mode before}.
-- Invariants: from the moment of the reply a draining worker claims nothing.
local worker = redis.call('HGET', K.worker_names(), ARGV[1]) or ARGV[1]
local key = K.worker(worker)
local got = redis.call('HMGET', key, 'mode', 'gone', 'name', 'owner')
if not got[1] then return {'missing', '', ''} end
if got[2] == '1' then return {'gone', worker, got[1]} end
if got[1] == 'stopping' and ARGV[2] ~= 'stopping' then return {'stopping', worker, got[1]} end
if got[1] ~= ARGV[2] then
  redis.call('HSET', key, 'mode', ARGV[2], 'updated_at', num(NOW), 'updated_by', ARGV[3])
  tell('worker.changed', got[4], '', got[3], '', '', ARGV[3], ARGV[2])
  audit(ARGV[3], ARGV[2], 'worker', worker, got[1], ARGV[2], '')
  redis.call('PUBLISH', key, ARGV[2])
end
return {'ok', worker, got[1]}
