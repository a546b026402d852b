-- Say that there is nothing to do for a workflow.
-- Uses: time
-- KEYS[1] the workflows that are due. ARGV: 1 workflow, 2 the mark as it was when that was found out.
-- Reply: 1, or 0 where something has happened since.
-- Invariants: the mark goes only as it was seen.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
