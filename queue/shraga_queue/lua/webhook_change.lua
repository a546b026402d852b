-- Pause, resume or remove a webhook.
-- Uses: time, tell
-- KEYS[1] the webhooks. ARGV: 1 name, 2 actor, 3 'paused', 'active' or 'removed'.
-- Reply: 'ok', 'missing', or 'already' when it is so already.
-- Invariants: a paused webhook keeps its place; of a removed one nothing is left.
local name, actor, after = ARGV[1], ARGV[2], ARGV[3]
local key = K.webhook(name)
local active = redis.call('HGET', key, 'active')
if not active then return 'missing' end
local before = active == '1' and 'active' or 'paused'
if before == after then return 'already' end
if after == 'removed' then
  if redis.call('EXISTS', K.events()) == 1 then redis.call('XGROUP', 'DESTROY', K.events(), name) end
  redis.call('UNLINK', key, K.webhook_out(name), K.webhook_dead(name))
  redis.call('ZREM', K.webhooks(), name)
else
  redis.call('HSET', key, 'active', after == 'active' and '1' or '0', 'updated_at', NOW_TEXT, 'updated_by', actor)
  redis.call('HINCRBY', key, 'version', 1)
  redis.call('HDEL', key, 'retry_at')
end
tell('webhook.changed', '', '', name, '', '', actor, after)
audit(actor, after == 'removed' and 'remove' or after == 'active' and 'resume' or 'pause', 'webhook', name, before, after, '')
return 'ok'
