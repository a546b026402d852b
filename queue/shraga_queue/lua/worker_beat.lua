-- Register a worker or say that it is still there.
-- Uses: time, tell
-- KEYS[1] the workers. ARGV: 1 worker id, 2 name, 3 owner, 4 lease in ms, then fields of its record.
-- Reply: {mode, now in ms}, or {'taken', now} when another live worker has the name.
-- Invariants: a name belongs to one live worker, who takes the place of the last one that had it; the mode is changed by operators alone.
local worker, name, owner = ARGV[1], ARGV[2], ARGV[3]
local key = K.worker(worker)
local holder = redis.call('HGET', K.worker_names(), name)
if holder and holder ~= worker then
  local seen = tonumber(redis.call('ZSCORE', K.workers(), holder) or '0')
  if redis.call('HGET', K.worker(holder), 'gone') ~= '1' then
    if seen > NOW - tonumber(ARGV[4]) then return {'taken', NOW} end
    tell('worker.lost', owner, '', name, '', '', name, '')
  end
  -- It is no longer listed; what its slots may still write goes to a record that ends by itself.
  redis.call('ZREM', K.workers(), holder)
  redis.call('EXPIRE', K.worker(holder), 3600)
end
redis.call('HSET', K.worker_names(), name, worker)
local known = redis.call('EXISTS', key) == 1
redis.call('ZADD', K.workers(), NOW, worker)
redis.call('HSET', key, 'updated_at', num(NOW), unpack(ARGV, 5))
if not known then
  redis.call('HSET', key, 'created_at', num(NOW), 'name', name, 'owner', owner, 'mode', 'accepting')
end
if not known or redis.call('HGET', key, 'gone') == '1' then
  redis.call('HDEL', key, 'gone')
  tell('worker.started', owner, '', name, '', '', name, '')
  if not known then audit(name, 'register', 'worker', worker, '', 'accepting', '') end
end
return {redis.call('HGET', key, 'mode'), NOW}
