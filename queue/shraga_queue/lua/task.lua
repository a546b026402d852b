-- One task with its earlier runs.
-- Uses: time
-- KEYS[1] the owners. ARGV: 1 task.
-- Reply: {now in ms, owner, record's fields as a flat list, earlier runs as a flat list, what it depends on and how as a
--   flat list} or nil.
-- Invariants: looking changes nothing.
-- Read only.
local owner = redis.call('HGET', K.owners(), ARGV[1])
if not owner then return nil end
return {NOW, owner, redis.call('HGETALL', K.task(owner, ARGV[1])), redis.call('HGETALL', K.runs(owner, ARGV[1])),
  redis.call('HGETALL', K.needs(owner, ARGV[1]))}
