-- The slots that are due, for whoever can tell what follows them.
-- Uses: time
-- KEYS[1] the slots. ARGV: 1 how many at most.
-- Reply: {now in ms, ms until the next that is not among them is due or -1, then for each {task, slot or '', spec}}.
-- Invariants: looking changes nothing.
-- Read only.
local due = redis.call('ZRANGEBYSCORE', K.slots(), '-inf', NOW, 'LIMIT', 0, ARGV[1])
local upcoming = redis.call('ZRANGE', K.slots(), #due, #due, 'WITHSCORES')
local reply = {NOW, upcoming[2] and math.max(0, tonumber(upcoming[2]) - NOW) or -1}
for _, task in ipairs(due) do
  local owner = redis.call('HGET', K.owners(), task)
  local got = owner and redis.call('HMGET', K.task(owner, task), 'next_slot', 'spec') or {}
  reply[#reply + 1] = {task, got[1] or '', got[2] or ''}
end
return reply
