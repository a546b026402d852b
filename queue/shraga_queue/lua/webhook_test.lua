-- Ask for one delivery of a made-up event, tried once, before all that waits.
-- Uses: time, tell, webhook
-- KEYS[1] the webhooks. ARGV: 1 name, 2 actor.
-- Reply: {'ok' | 'missing' | 'paused' | 'alone' when no controller leads, the last event's id}; the answer comes as an event.
-- Invariants: what waits for the webhook stays as it is.
local key = K.webhook(ARGV[1])
local active = redis.call('HGET', key, 'active')
if not active then return {'missing', ''} end
if active ~= '1' then return {'paused', ''} end
if redis.call('EXISTS', K.leader()) == 0 then return {'alone', ''} end
redis.call('HSET', key, 'tester', ARGV[2])
audit(ARGV[2], 'test', 'webhook', ARGV[1], '', '', '')
local _, _, last = told_so_far()
return {'ok', last}
