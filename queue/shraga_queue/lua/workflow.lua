-- Some workflows as they are.
-- Uses: time
-- KEYS[1] the workflows. ARGV: ids.
-- Reply: {now in ms, then for each {mark, its record's fields as a flat list} or ''}; the mark counts what may call for its
--   next move, '' for nothing.
-- Invariants: looking changes nothing.
-- Read only.
local reply = {NOW}
for _, id in ipairs(ARGV) do
  local owner = redis.call('HGET', K.workflows(), id)
  local got = owner and redis.call('HGETALL', K.workflow(owner, id)) or {}
  reply[#reply + 1] = #got > 0 and {redis.call('HGET', K.workflows_due(), id) or '', got} or ''
end
return reply
