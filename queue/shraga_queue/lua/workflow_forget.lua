-- Delete workflows that ended long ago, with their chats; their tasks are kept as long as other tasks.
-- Uses: time, tell
-- KEYS[1] the workflows. ARGV: 1 leader's token, 2 ms an ended one is kept, 3 how many go at most of each phase, then the
--   phases of ended ones.
-- Reply: how many went, or nil when the caller leads no more.
-- Invariants: only ended ones go; it is audited once a call.
if redis.call('GET', K.leader()) ~= ARGV[1] then return nil end
local gone = 0
for i = 4, #ARGV do
  local index = K.workflow_index(ARGV[i])
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', NOW - tonumber(ARGV[2]), 'LIMIT', 0, ARGV[3])) do
    local owner = redis.call('HGET', K.workflows(), id)
    if owner then redis.call('UNLINK', K.workflow(owner, id), K.workflow_chat(owner, id)) end
    redis.call('HDEL', K.workflows(), id)
    redis.call('HDEL', K.workflows_due(), id)
    redis.call('ZREM', index, id)
    gone = gone + 1
  end
end
if gone > 0 then audit('controller', 'forget', 'workflow', '', '', '', gone .. ' that ended long ago') end
return gone
