-- The runs whose lease has ended.
-- Uses: time
-- KEYS[1] the leases. ARGV: 1 how many at most.
-- Reply: for each {task, attempt, fence, spec JSON, losses}; tasks that are not running are dropped by name only.
-- Invariants: nothing is written here; whoever acts on it compares again.
-- Read only.
local found = {}
for _, task in ipairs(redis.call('ZRANGEBYSCORE', K.leases(), '-inf', NOW, 'LIMIT', 0, ARGV[1])) do
  local owner = redis.call('HGET', K.owners(), task)
  if owner then
    local got = redis.call('HMGET', K.task(owner, task), 'attempt', 'fence', 'spec', 'losses')
    found[#found + 1] = {task, got[1] or '', got[2] or '', got[3] or '', got[4] or '0'}
  end
end
return found
