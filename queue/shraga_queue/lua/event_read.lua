-- Mark an event as read.
-- Uses: time, tell
-- KEYS[1] the events that were read. ARGV: 1 event, 2 actor.
-- Reply: 'ok', 'already' or 'missing'.
-- Invariants: what is kept of it goes when the event has left the bounded stream.
if #redis.call('XRANGE', K.events(), ARGV[1], ARGV[1]) == 0 then return 'missing' end
local ms = string.match(ARGV[1], '^%d+')
if redis.call('ZADD', KEYS[1], 'NX', ms, ARGV[1]) == 0 then return 'already' end
local oldest = redis.call('XRANGE', K.events(), '-', '+', 'COUNT', 1)[1][1]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.match(oldest, '^%d+'))
audit(ARGV[2], 'read', 'event', ARGV[1], '', 'read', '')
return 'ok'
